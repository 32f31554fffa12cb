"""Amazon Web Services through boto3: clients, strict checks of requests, files in S3, and what can be tuned where."""
