import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.quartz.Job;
import org.quartz.JobBuilder;
import org.quartz.JobDetail;
import org.quartz.JobExecutionContext;
import org.quartz.Scheduler;
import org.quartz.SimpleScheduleBuilder;
import org.quartz.Trigger;
import org.quartz.TriggerBuilder;
import org.quartz.impl.StdSchedulerFactory;

/**
 * So many one-shot jobs of Quartz are due at one instant, on its clustered JDBC store: how long until the last has run.
 *
 * <p>Arguments: the JDBC URL, the number of jobs, the threads. Prints one line of JSON.
 */
public final class QuartzDrain {
    private static final int BATCH = 500;
    private static CountDownLatch left;
    private static long[] lateness;
    private static final AtomicInteger ran = new AtomicInteger();

    /** Notes when it was called. */
    public static final class Noop implements Job {
        @Override
        public void execute(JobExecutionContext context) {
            lateness[ran.getAndIncrement()] = System.currentTimeMillis() - context.getScheduledFireTime().getTime();
            left.countDown();
        }
    }

    public static void main(String[] arguments) throws Exception {
        String url = arguments[0];
        int jobs = Integer.parseInt(arguments[1]);
        left = new CountDownLatch(jobs);
        lateness = new long[jobs * 2];
        makeTables(url);
        Scheduler scheduler = new StdSchedulerFactory(settings(url, arguments[2])).getScheduler();
        // applying them is not measured: the instant is set when it is known how long the first batch takes
        long began = System.currentTimeMillis();
        schedule(scheduler, "warm", Math.min(BATCH, jobs), new Date(began + 3_600_000));
        long batch = System.currentTimeMillis() - began;
        long due = (System.currentTimeMillis() + 2 * batch * (jobs / BATCH + 1)) / 1000 * 1000 + 5_000;
        schedule(scheduler, "bench", jobs, new Date(due));
        if (System.currentTimeMillis() > due - 1000) {
            throw new IllegalStateException("scheduling the jobs took longer than was foreseen");
        }
        scheduler.start();
        left.await();
        double seconds = (System.currentTimeMillis() - due) / 1000.0;
        Thread.sleep(1000); // a job that runs twice would do so now
        int doubled = ran.get() - jobs;
        scheduler.shutdown(true);
        long[] sorted = Arrays.copyOf(lateness, jobs);
        Arrays.sort(sorted);
        System.out.printf(
                "{\"rate\": %.1f, \"seconds\": %.3f, \"lateness_ms\": {\"p50\": %d, \"p99\": %d, \"max\": %d}, \"doubled\": %d}%n",
                jobs / seconds, seconds, sorted[jobs / 2], sorted[(int) (jobs * 0.99)], sorted[jobs - 1], doubled);
    }

    private static void schedule(Scheduler scheduler, String group, int jobs, Date due) throws Exception {
        Map<JobDetail, Set<? extends Trigger>> batch = new HashMap<>();
        for (int number = 0; number < jobs; number++) {
            JobDetail job = JobBuilder.newJob(Noop.class).withIdentity("job-" + number, group).build();
            Trigger trigger = TriggerBuilder.newTrigger()
                    .withIdentity("once-" + number, group)
                    .forJob(job)
                    .startAt(due)
                    .withSchedule(SimpleScheduleBuilder.simpleSchedule().withMisfireHandlingInstructionFireNow())
                    .build();
            Set<Trigger> one = new HashSet<>();
            one.add(trigger);
            batch.put(job, one);
            if (batch.size() == BATCH || number == jobs - 1) {
                scheduler.scheduleJobs(batch, false);
                batch = new HashMap<>();
            }
        }
    }

    private static void makeTables(String url) throws Exception {
        try (var sql = Job.class.getResourceAsStream("/org/quartz/impl/jdbcjobstore/tables_postgres.sql");
                Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute(new String(sql.readAllBytes()));
        }
    }

    private static Properties settings(String url, String threads) {
        Properties settings = new Properties();
        settings.put("org.quartz.scheduler.instanceName", "bench");
        settings.put("org.quartz.scheduler.instanceId", "AUTO");
        settings.put("org.quartz.scheduler.skipUpdateCheck", "true");
        settings.put("org.quartz.scheduler.batchTriggerAcquisitionMaxCount", "50");
        settings.put("org.quartz.threadPool.class", "org.quartz.simpl.SimpleThreadPool");
        settings.put("org.quartz.threadPool.threadCount", threads);
        settings.put("org.quartz.jobStore.class", "org.quartz.impl.jdbcjobstore.JobStoreTX");
        settings.put("org.quartz.jobStore.driverDelegateClass", "org.quartz.impl.jdbcjobstore.PostgreSQLDelegate");
        settings.put("org.quartz.jobStore.isClustered", "true");
        settings.put("org.quartz.jobStore.acquireTriggersWithinLock", "true");
        settings.put("org.quartz.jobStore.misfireThreshold", "600000");
        settings.put("org.quartz.jobStore.dataSource", "bench");
        settings.put("org.quartz.dataSource.bench.provider", "hikaricp");
        settings.put("org.quartz.dataSource.bench.driver", "org.postgresql.Driver");
        settings.put("org.quartz.dataSource.bench.URL", url);
        settings.put("org.quartz.dataSource.bench.user", "postgres");
        settings.put("org.quartz.dataSource.bench.maxConnections", "60");
        return settings;
    }
}
