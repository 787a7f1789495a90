/**
 * Cloud Storage's JSON API, as Google's own client speaks it: uploads in one piece, in parts and resumable ones; downloads, whole and
 * in ranges; lists by prefix and page; metadata; deletion. Every bucket exists but those whose name begins with `missing`.
 */
import { asNumber, asObject, asString } from '../../core/json.ts';
import { vertex } from '../apis/vertex.ts';
import type { BatchApi, BatchCall, BatchEngine, StoredObject } from './contract.ts';
import { readRelated } from './multipart-related.ts';

const claimed = /^(?:\/(upload|download))?\/storage\/v1\/b\/([^/]+)(?:\/o(?:\/([^/]+))?)?$/;

export const gcs: BatchApi = {
  api: vertex,
  claims: (_method, path) => claimed.test(path),
  async serve(call) {
    const [, way, bucketText = '', nameText] = claimed.exec(call.path) ?? [];
    const bucket = decodeURIComponent(bucketText);
    const name = nameText === undefined ? undefined : decodeURIComponent(nameText);
    if (bucket.startsWith('missing'))
      return refuse(call, 404, 'notFound', 'The specified bucket does not exist.');
    if (way === 'upload') return upload(call, bucket);
    if (!call.path.includes('/o'))
      return call.send(200, { kind: 'storage#bucket', name: bucket, location: 'US-CENTRAL1' });
    if (name === undefined) return list(call, bucket);
    const object = call.engine.objects.find(gcsKey(call.instance, bucket, name));
    if (object === undefined) return refuse(call, 404, 'notFound', `No such object: ${bucket}/${name}`);
    if (call.method === 'DELETE') {
      call.engine.objects.remove(object.key);
      call.outgoing.writeHead(204).end();
      return;
    }
    if (call.query.get('alt') === 'media' || way === 'download') return download(call, object);
    return call.send(200, await describe(call, bucket, object));
  },
};

export function gcsKey(instance: string, bucket: string, name: string): string {
  return `${instance}/gcs/${bucket}/${name}`;
}

/** `gs://bucket/name` as a key of the store. */
export function gcsUriKey(instance: string, uri: string): string | undefined {
  const match = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri);
  return match === null ? undefined : gcsKey(instance, match[1] ?? '', match[2] ?? '');
}

function refuse(call: BatchCall, code: number, reason: string, message: string): void {
  call.send(code, { error: { code, message, errors: [{ message, domain: 'global', reason }] } });
}

/** Checksums of what was uploaded or read before, by object; the object goes, and with it what is known of it. */
const checksums = new WeakMap<StoredObject, string>();

/** CRC32C as Google tells it. The client's own, so that both sides count alike; loaded when it is needed. */
async function checksumOf(engine: BatchEngine, object: StoredObject): Promise<string> {
  const known = checksums.get(object);
  if (known !== undefined) return known;
  const { CRC32C } = await import('@google-cloud/storage');
  const sum = new CRC32C();
  for await (const chunk of engine.objects.read(object.key)) sum.update(chunk);
  checksums.set(object, sum.toString());
  return sum.toString();
}

async function describe(call: BatchCall, bucket: string, object: StoredObject): Promise<object> {
  return { ...outline(call, bucket, object), crc32c: await checksumOf(call.engine, object) };
}

function outline(call: BatchCall, bucket: string, object: StoredObject): object {
  const name = object.key.slice(gcsKey(call.instance, bucket, '').length);
  const time = new Date(object.createdAtMs).toISOString();
  return {
    kind: 'storage#object',
    id: `${bucket}/${name}/${object.createdAtMs}000`,
    name,
    bucket,
    generation: `${Math.floor(object.createdAtMs)}000`,
    metageneration: '1',
    size: String(object.bytes),
    storageClass: 'STANDARD',
    timeCreated: time,
    updated: time,
  };
}

async function upload(call: BatchCall, bucket: string): Promise<void> {
  switch (call.query.get('uploadType')) {
    case 'media':
      return finish(call, bucket, call.query.get('name') ?? '', call.incoming);
    case 'multipart': {
      const related = await readRelated(call.headers, call.incoming);
      if (related === undefined)
        return refuse(call, 400, 'badRequest', 'Bad Request: malformed multipart body.');
      const name = call.query.get('name') ?? asString(related.metadata['name']) ?? '';
      return finish(call, bucket, name, related.bytes);
    }
    case 'resumable':
      return call.query.has('upload_id') ? resume(call, bucket) : begin(call, bucket);
    default:
      return refuse(call, 400, 'invalidParameter', 'Invalid value for uploadType.');
  }
}

async function finish(
  call: BatchCall,
  bucket: string,
  name: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  if (name === '') return refuse(call, 400, 'required', 'Required parameter: name');
  const object = await call.engine.objects.write(gcsKey(call.instance, bucket, name), bytes);
  call.send(200, await describe(call, bucket, object));
}

const sessionKey = (call: BatchCall, id: string): string => `${call.instance}/gcs-uploads/${id}`;

async function begin(call: BatchCall, bucket: string): Promise<void> {
  const body = asObject(await call.readJson());
  const name = call.query.get('name') ?? asString(body['name']) ?? '';
  const id = `${call.engine.newId(16)}.${Buffer.from(name).toString('base64url')}`;
  await call.engine.objects.write(sessionKey(call, id), nothing());
  const path = `/~${call.instance}/upload/storage/v1/b/${encodeURIComponent(bucket)}/o`;
  const location = `http://${call.headers.host}${path}?uploadType=resumable&upload_id=${id}`;
  call.send(200, '', { location });
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

/** A chunk of a session. `bytes 0-9/*` is one of several, `bytes 0-9/10` the last; an asterisk for the range only asks how far it is. */
async function resume(call: BatchCall, bucket: string): Promise<void> {
  const { objects } = call.engine;
  const id = call.query.get('upload_id') ?? '';
  const key = sessionKey(call, id);
  const before = objects.find(key);
  if (before === undefined) return refuse(call, 404, 'notFound', 'Upload session not found.');
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(call.headers['content-range'] ?? 'bytes 0-0/*');
  const first = range?.[1] === undefined ? undefined : Number(range[1]);
  if (first !== undefined && first !== before.bytes)
    return refuse(call, 400, 'badRequest', 'Invalid request. The chunk does not begin where the last ended.');
  const whole = call.headers['content-range'] === undefined;
  const after = await objects.write(key, call.incoming, { append: true });
  const total = range?.[2];
  if (whole || total === String(after.bytes)) {
    const name = Buffer.from(id.split('.')[1] ?? '', 'base64url').toString('utf8');
    await finish(call, bucket, name, objects.read(key));
    objects.remove(key);
    return;
  }
  const range308 = after.bytes === 0 ? {} : { range: `bytes=0-${after.bytes - 1}` };
  call.send(308, '', range308);
}

function list(call: BatchCall, bucket: string): void {
  const { engine, query, instance } = call;
  const found = engine.objects.list(gcsKey(instance, bucket, query.get('prefix') ?? ''));
  const from = Number(query.get('pageToken') ?? 0);
  const most = asNumber(Number(query.get('maxResults') ?? 1000)) ?? 1000;
  const next = from + most;
  call.send(200, {
    kind: 'storage#objects',
    ...(next < found.length ? { nextPageToken: String(next) } : {}),
    items: found.slice(from, next).map((object) => outline(call, bucket, object)),
  });
}

async function download(call: BatchCall, object: StoredObject): Promise<void> {
  const headers = {
    'content-type': 'application/octet-stream',
    'x-goog-stored-content-encoding': 'identity',
  };
  const range = /^bytes=(\d+)-(\d*)$/.exec(call.headers.range ?? '');
  if (range === null) {
    const hash = `crc32c=${await checksumOf(call.engine, object)}`;
    return call.sendObject(object, { ...headers, 'x-goog-hash': hash });
  }
  const start = Number(range[1]);
  const end = range[2] === '' ? object.bytes : Math.min(object.bytes, Number(range[2]) + 1);
  if (start >= object.bytes)
    return refuse(call, 416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable');
  const contentRange = `bytes ${start}-${end - 1}/${object.bytes}`;
  return call.sendObject(object, { ...headers, 'content-range': contentRange }, { start, end });
}
