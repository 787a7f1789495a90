/** One object of any size, with the memory of one part. What fails on the way is taken back, so that no part is left and paid for. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

export interface UploadTarget {
  readonly Bucket: string;
  readonly Key: string;
  readonly encryptionKey?: string;
}

/** S3 takes 10,000 parts: objects of up to 80 GB. Larger parts cost memory, smaller ones a bound on what can be stored. */
export const partBytes = 8 * 1024 * 1024;

export async function upload(
  client: S3Client,
  { Bucket, Key, encryptionKey }: UploadTarget,
  parts: AsyncIterable<Uint8Array>,
): Promise<{ readonly bytes: number }> {
  const encryption =
    encryptionKey === undefined
      ? {}
      : { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: encryptionKey };
  let UploadId: string | undefined;
  const done: { readonly PartNumber: number; readonly ETag: string | undefined }[] = [];
  let bytes = 0;
  try {
    for await (const Body of inParts(parts)) {
      if (UploadId === undefined && Body.length < partBytes) {
        await client.send(new PutObjectCommand({ Bucket, Key, Body, ...encryption }));
        return { bytes: Body.length };
      }
      if (UploadId === undefined) {
        const begun = await client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...encryption }));
        UploadId = begun.UploadId;
        if (UploadId === undefined) throw new Error('S3 began an upload without an id.');
      }
      const PartNumber = done.length + 1;
      const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      done.push({ PartNumber, ETag });
      bytes += Body.length;
    }
    await client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: done } }),
    );
    return { bytes };
  } catch (thrown) {
    if (UploadId !== undefined)
      // What failed first is what the caller must know.
      await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => undefined);
    throw thrown;
  }
}

/**
 * Regroups into parts of exactly `partBytes`, but the last, which is shorter, and empty where nothing else was; an upload of whole parts ends
 * without one. A part is valid until the next is asked for: all are cut from one buffer.
 */
async function* inParts(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let buffer = Buffer.allocUnsafe(64 * 1024);
  let used = 0;
  let any = false;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      if (used === buffer.length) buffer = grown(buffer);
      const taken = Math.min(chunk.length - at, buffer.length - used);
      buffer.set(chunk.subarray(at, at + taken), used);
      at += taken;
      used += taken;
      if (used < partBytes) continue;
      yield buffer;
      any = true;
      used = 0;
    }
  }
  if (used > 0 || !any) yield buffer.subarray(0, used);
}

/** Small objects are many, and need no room for a whole part. */
function grown(buffer: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(Math.min(partBytes, buffer.length * 4));
  larger.set(buffer);
  return larger;
}
