"""Machines, workloads, traffic and latency in closed form."""
