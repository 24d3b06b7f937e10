"""Tasks that run as Jobs of a Kubernetes cluster.

    kind         what the executor sees: begins runs, finds those of earlier incarnations
    run          one attempt: its Job is made, watched, and ended
    way          how a Job comes to be, and that no other of its execution runs beside it
    job          the Job of an attempt, and the attempt of a Job: pure
    standing     what a Job and its pods say of the attempt: pure
    mirror       what there is in a namespace, as the API server tells of changes
    log          the output of a container
    cluster      the client library; nobody else knows it
    errors       what an API server answers when it does not do what it is asked

**No second start.** A Job outlives its executor, and no guardian can end it; the API server, which all executors of
the cluster share, is the fence. The name of a Job is made of its execution alone, so there is at most one Job of an
execution. Whoever is given a later attempt deletes the Job of the earlier one, and waits until none of its pods runs.
"""
