"""Runners: what moves spans from the bus through the stages into storage."""
