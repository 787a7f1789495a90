"""Files and batches by the official OpenAI package; told as one JSON object."""
import io
import json
import sys
import time

import openai

given = json.loads(sys.argv[1])
client = openai.OpenAI(base_url=given["url"] + "/v1", api_key=given["key"], max_retries=0)
text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in given["lines"])
file = client.files.create(file=("items.jsonl", io.BytesIO(text.encode())), purpose="batch")
batch = client.batches.create(input_file_id=file.id, endpoint=given["endpoint"], completion_window="24h")
for _ in range(600):
    batch = client.batches.retrieve(batch.id)
    if batch.status in ("completed", "failed", "cancelled", "expired"):
        break
    time.sleep(0.1)
results = []
for file_id in (batch.output_file_id, batch.error_file_id):
    if file_id is None:
        continue
    for line in client.files.content(file_id).text.split("\n"):
        if line:
            one = json.loads(line)
            results.append({"custom_id": one["custom_id"], "body": one["response"]["body"]})
try:
    openai.OpenAI(base_url=given["url"] + "/v1", api_key=given["other"]).batches.retrieve(batch.id)
    other = 200
except openai.NotFoundError as error:
    other = error.status_code
listed = any(one.id == batch.id for one in client.batches.list(limit=3))
client.files.delete(file.id)
print(json.dumps({"status": batch.status, "listed": listed, "other": other, "results": results}))
