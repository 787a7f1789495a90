/**
 * A stand-in for S3 that AWS's own client speaks to with its default settings: objects whole and in parts, ranges, lists in pages. Every
 * bucket is there, but those whose names begin with `no-such-`. Signatures are not verified, checksums are.
 *
 * A request is one of S3's when it is signed for S3. Buckets are the same under every `/~NAME`, as they are the same for all who use
 * AWS: what a batch job writes lies here. Keys of the engine's objects are `s3/BUCKET/KEY`.
 */
import { createHash } from 'node:crypto';
import { bedrock } from '../apis/bedrock.ts';
import type { BatchApi, BatchCall, BatchEngine, StoredObject } from './contract.ts';
import { readBody } from './s3-body.ts';
import { refuseS3, S3Refusal, writeError, xmlHeaders } from './s3-refusal.ts';
import { type NamedPart, Uploads } from './s3-uploads.ts';
import { type Node, node, readElements, readXml, writeXml } from './s3-xml.ts';

interface Kept {
  readonly uploads: Uploads;
  /** Of objects that were written here; by the engine's key. */
  readonly sums: Map<
    string,
    { readonly object: StoredObject; readonly etag: string; readonly crc32?: string }
  >;
}

interface Target {
  readonly call: BatchCall;
  readonly bucket: string;
  readonly key: string;
  /** The engine's key. */
  readonly name: string;
  readonly kept: Kept;
}

const kepts = new WeakMap<BatchEngine, Kept>();

function keptOf(engine: BatchEngine): Kept {
  const kept = kepts.get(engine) ?? { uploads: new Uploads(engine), sums: new Map() };
  kepts.set(engine, kept);
  return kept;
}

export const s3Key = (bucket: string, key: string): string => `s3/${bucket}/${key}`;

export const s3: BatchApi = {
  // Signed as all of AWS is.
  api: { ...bedrock, id: 's3', refuse: refuseS3 },
  claims: (_method, _path, _query, { authorization }) => /\/s3\/aws4_request/.test(authorization ?? ''),
  async serve(call) {
    try {
      await route(locate(call));
    } catch (thrown) {
      if (!(thrown instanceof S3Refusal)) throw thrown;
      const { code, status, message } = thrown;
      // No answer to HEAD has a body, so the code is lost there, as it is at AWS.
      call.send(status, call.method === 'HEAD' ? '' : writeError(code, message), xmlHeaders);
    }
  },
};

/** The bucket is the first part of the host's name where that has one in front, else of the path. */
function locate(call: BatchCall): Target {
  const host = (call.headers.host ?? '').replace(/:\d+$/, '');
  const virtual = /^(.+)\.(?:s3[.-].*|localhost|simulator)$/.exec(host)?.[1];
  const path = call.path.replace(/^\//, '');
  const slash = path.indexOf('/');
  const bucket = virtual ?? (slash < 0 ? path : path.slice(0, slash));
  const rest = virtual !== undefined ? path : slash < 0 ? '' : path.slice(slash + 1);
  const key = decodeURIComponent(rest);
  if (bucket === '' || bucket.startsWith('no-such-'))
    throw new S3Refusal('NoSuchBucket', 'The specified bucket does not exist');
  return { call, bucket, key, name: s3Key(bucket, key), kept: keptOf(call.engine) };
}

function route(target: Target): Promise<void> | void {
  const { call, key } = target;
  const { method, query } = call;
  if (key === '') {
    if (method === 'GET') return query.has('uploads') ? listUploads(target) : listObjects(target);
    if (method === 'POST' && query.has('delete')) return removeMany(target);
    if (method === 'HEAD') return call.send(200, '', xmlHeaders);
  } else if (query.has('uploads') && method === 'POST') return beginUpload(target);
  else if (query.has('uploadId')) {
    if (method === 'PUT') return addPart(target);
    if (method === 'POST') return completeUpload(target);
    if (method === 'DELETE') return abortUpload(target);
  } else if (method === 'PUT') return put(target);
  else if (method === 'GET' || method === 'HEAD') return get(target);
  else if (method === 'DELETE') return remove(target);
  throw new S3Refusal('NotImplemented', `The simulator has no ${method} of this kind.`);
}

async function put({ call, name, kept }: Target): Promise<void> {
  const body = readBody(call.headers, call.incoming);
  const object = await call.engine.objects.write(name, body.bytes);
  const { md5: etag, crc32 } = body.digest();
  kept.sums.set(name, { object, etag, crc32 });
  call.send(200, '', { ...xmlHeaders, etag: `"${etag}"`, 'x-amz-checksum-crc32': crc32 });
}

async function get({ call, name, kept }: Target): Promise<void> {
  const object = call.engine.objects.find(name);
  if (object === undefined) throw new S3Refusal('NoSuchKey', 'The specified key does not exist.');
  const sum = sumOf(kept, object);
  const wanted = call.headers['if-match'];
  if (wanted !== undefined && wanted !== `"${sum.etag}"`)
    throw new S3Refusal(
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
    );
  const range = readRange(call.headers.range, object.bytes);
  const headers = {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: `"${sum.etag}"`,
    'last-modified': new Date(object.createdAtMs).toUTCString(),
    ...(range === undefined && sum.crc32 !== undefined ? { 'x-amz-checksum-crc32': sum.crc32 } : {}),
  };
  if (call.method === 'HEAD') {
    call.outgoing.writeHead(200, { ...headers, 'content-length': String(object.bytes) }).end();
    return;
  }
  await call.sendObject(object, headers, range);
}

/** What a job wrote has no digest; its name and time tell it from what may come after. */
function sumOf(kept: Kept, object: StoredObject): { readonly etag: string; readonly crc32?: string } {
  const sum = kept.sums.get(object.key);
  if (sum?.object === object) return sum;
  const etag = createHash('md5').update(`${object.key} ${object.bytes} ${object.createdAtMs}`).digest('hex');
  return { etag };
}

function readRange(
  header: string | undefined,
  bytes: number,
): { readonly start: number; readonly end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const suffix = match[1] === '';
  const start = suffix ? Math.max(0, bytes - Number(match[2])) : Number(match[1]);
  const end = suffix || match[2] === '' ? bytes : Math.min(bytes, Number(match[2]) + 1);
  if (start >= bytes || end <= start)
    throw new S3Refusal('InvalidRange', 'The requested range is not satisfiable');
  return { start, end };
}

function remove({ call, name, kept }: Target): void {
  call.engine.objects.remove(name);
  kept.sums.delete(name);
  call.send(204, '', xmlHeaders);
}

async function removeMany({ call, bucket, kept }: Target): Promise<void> {
  const body = await readText(call);
  const deleted: Node[] = [];
  for (const element of readElements(body, 'Object')) {
    const [key] = readXml(element, 'Key');
    if (key === undefined) throw new S3Refusal('MalformedXML', 'An object to delete has no key.');
    call.engine.objects.remove(s3Key(bucket, key));
    kept.sums.delete(s3Key(bucket, key));
    deleted.push(node('Deleted', [node('Key', key)]));
  }
  const quiet = readXml(body, 'Quiet')[0] === 'true';
  call.send(200, writeXml(node('DeleteResult', quiet ? [] : deleted)), xmlHeaders);
}

const mostListed = 1000;

function listObjects({ call, bucket }: Target): void {
  const { query, engine } = call;
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const token = query.get('continuation-token');
  const most = Math.min(mostListed, Number(query.get('max-keys') ?? mostListed));
  const after =
    token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
  const base = s3Key(bucket, '');
  const contents: Node[] = [];
  const folders = new Set<string>();
  let last = '';
  let truncated = false;
  for (const object of engine.objects.list(base + prefix)) {
    const key = object.key.slice(base.length);
    if (key <= after) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const folder = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
    const known = folder !== undefined && (folders.has(folder) || after.startsWith(folder));
    if (!known && contents.length + folders.size >= most) {
      truncated = true;
      break;
    }
    last = key;
    if (folder === undefined) contents.push(listed(key, object));
    else if (!known) folders.add(folder);
  }
  const counted = contents.length + folders.size;
  const children = [
    node('Name', bucket),
    node('Prefix', prefix),
    node('KeyCount', counted),
    node('MaxKeys', most),
    node('IsTruncated', truncated),
    node('NextContinuationToken', truncated ? Buffer.from(last).toString('base64url') : undefined),
    ...contents,
    ...[...folders].map((folder) => node('CommonPrefixes', [node('Prefix', folder)])),
  ];
  call.send(200, writeXml(node('ListBucketResult', children)), xmlHeaders);
}

function listed(key: string, object: StoredObject): Node {
  return node('Contents', [
    node('Key', key),
    node('LastModified', new Date(object.createdAtMs).toISOString()),
    node('Size', object.bytes),
    node('StorageClass', 'STANDARD'),
  ]);
}

function listUploads({ call, bucket, kept }: Target): void {
  const base = s3Key(bucket, '');
  const uploads = kept.uploads
    .list()
    .filter(({ name }) => name.startsWith(base))
    .map(({ id, name }) => node('Upload', [node('Key', name.slice(base.length)), node('UploadId', id)]));
  const children = [node('Bucket', bucket), node('IsTruncated', false), ...uploads];
  call.send(200, writeXml(node('ListMultipartUploadsResult', children)), xmlHeaders);
}

function beginUpload({ call, bucket, key, name, kept }: Target): void {
  const { id } = kept.uploads.begin(name);
  const children = [node('Bucket', bucket), node('Key', key), node('UploadId', id)];
  call.send(200, writeXml(node('InitiateMultipartUploadResult', children)), xmlHeaders);
}

async function addPart({ call, name, kept }: Target): Promise<void> {
  const upload = kept.uploads.find(call.query.get('uploadId') ?? '', name);
  const body = readBody(call.headers, call.incoming);
  const number = Number(call.query.get('partNumber'));
  const etag = await kept.uploads.add(upload, number, body.bytes, () => body.digest().md5);
  call.send(200, '', { ...xmlHeaders, etag: `"${etag}"` });
}

async function completeUpload({ call, bucket, key, name, kept }: Target): Promise<void> {
  const upload = kept.uploads.find(call.query.get('uploadId') ?? '', name);
  const named = readElements(await readText(call), 'Part').map(
    (part): NamedPart => ({
      number: Number(readXml(part, 'PartNumber')[0]),
      etag: (readXml(part, 'ETag')[0] ?? '').replaceAll('"', ''),
    }),
  );
  const etag = await kept.uploads.complete(upload, named);
  const object = call.engine.objects.find(name);
  if (object !== undefined) kept.sums.set(name, { object, etag });
  const children = [node('Bucket', bucket), node('Key', key), node('ETag', `"${etag}"`)];
  call.send(200, writeXml(node('CompleteMultipartUploadResult', children)), xmlHeaders);
}

function abortUpload({ call, name, kept }: Target): void {
  kept.uploads.abort(kept.uploads.find(call.query.get('uploadId') ?? '', name));
  call.send(204, '', xmlHeaders);
}

/** A list of what to delete or to join: at most ten thousand names. */
async function readText(call: BatchCall): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of readBody(call.headers, call.incoming).bytes) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}
