"""`schedctl cron`: the cron language, without a server; `commands` has the commands."""
