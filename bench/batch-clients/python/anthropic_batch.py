"""Message batches by the official Anthropic package; told as one JSON object."""
import json
import sys
import time

import anthropic

given = json.loads(sys.argv[1])
client = anthropic.Anthropic(base_url=given["url"], api_key=given["key"], max_retries=0)
batch = client.messages.batches.create(requests=given["requests"])
for _ in range(600):
    batch = client.messages.batches.retrieve(batch.id)
    if batch.processing_status == "ended":
        break
    time.sleep(0.1)
results = []
for one in client.messages.batches.results(batch.id):
    body = one.result.message.to_dict() if one.result.type == "succeeded" else None
    results.append({"custom_id": one.custom_id, "body": body})
try:
    anthropic.Anthropic(base_url=given["url"], api_key=given["other"]).messages.batches.retrieve(batch.id)
    other = 200
except anthropic.NotFoundError as error:
    other = error.status_code
listed = any(one.id == batch.id for one in client.messages.batches.list(limit=3))
client.messages.batches.delete(batch.id)
print(json.dumps({"status": batch.processing_status, "listed": listed, "other": other, "results": results}))
