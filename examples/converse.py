"""Ask a model on Bedrock with nothing but boto3: `python converse.py MODEL_ID_OR_DEPLOYMENT_ARN [QUESTION]`."""

from __future__ import annotations

import sys

import boto3

SYSTEM = (
    "You are a powerful text-to-SQL model. Your job is to answer questions about a database. "
    "You can use the following table schema for context: CREATE TABLE item (id INTEGER, brand TEXT, price REAL)"
)


def main() -> None:
    """Print the answer at once, then as it is written."""
    model, question = sys.argv[1], " ".join(sys.argv[2:]) or "How many items does each brand have?"
    asked = {
        "modelId": model,
        "system": [{"text": SYSTEM}],
        "messages": [
            {
                "role": "user",
                "content": [{"text": f"Return the SQL query that answers the following question: {question}"}],
            }
        ],
        "inferenceConfig": {"maxTokens": 128, "temperature": 0.1, "topP": 0.9},
    }
    runtime = boto3.client("bedrock-runtime")
    answer = runtime.converse(**asked)
    print("converse:       ", answer["output"]["message"]["content"][0]["text"], answer["usage"])
    print("converse_stream:", end=" ")
    for event in runtime.converse_stream(**asked)["stream"]:
        if "contentBlockDelta" in event:
            print(event["contentBlockDelta"]["delta"]["text"], end="|", flush=True)
        elif "messageStop" in event:
            print("", event["messageStop"]["stopReason"])


if __name__ == "__main__":
    main()
