"""Rollbacks of many hosts on Apache Airflow. Only this package imports it, and only what a worker has: see docs/fleet.md."""
