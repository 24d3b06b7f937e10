"""Tests of the cron language."""
