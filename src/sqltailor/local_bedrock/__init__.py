"""A Bedrock on this machine, for development and tests: real boto3 over HTTP, real fine-tuning of a local base.

What it is not: isolated, authenticated (any credentials do), or kept: jobs, models and deployments are gone when it
ends.
"""
