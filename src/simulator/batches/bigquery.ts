/**
 * As much of BigQuery as batch jobs need, as Google's own client speaks it: load jobs that bring their lines, tables and their rows by
 * page. Rows are kept as lines of JSON. Every dataset exists but those whose name begins with `missing`.
 */
import { asArray, asObject, asString, isObject } from '../../core/json.ts';
import { parseLine, splitLines } from '../../wire/jsonl.ts';
import { vertex } from '../apis/vertex.ts';
import type { BatchApi, BatchCall, BatchEngine, StoredObject } from './contract.ts';
import { readRelated } from './multipart-related.ts';

const claimed =
  /^(?:\/(upload))?\/bigquery\/v2\/projects\/([^/]+)(?:\/jobs(?:\/([^/]+))?|\/datasets\/([^/]+)(?:\/tables(?:\/([^/]+)(?:\/(data))?)?)?)$/;

interface Field {
  readonly name: string;
  readonly type: string;
}

interface LoadJob {
  readonly reference: object;
  readonly error: object | undefined;
}

/** What the files do not tell, by engine: each simulator has its own. */
interface Known {
  readonly loads: Map<string, LoadJob>;
  readonly schemas: Map<string, readonly Field[]>;
}
const known = new WeakMap<BatchEngine, Known>();

function knownTo(engine: BatchEngine): Known {
  const found = known.get(engine) ?? { loads: new Map(), schemas: new Map() };
  known.set(engine, found);
  return found;
}

/** Pages end at some 10 MB. */
const mostPageBytes = 10_000_000;
const outputSchema: readonly Field[] = [
  { name: 'custom_id', type: 'STRING' },
  { name: 'request', type: 'JSON' },
  { name: 'response', type: 'JSON' },
  { name: 'status', type: 'STRING' },
  { name: 'processed_time', type: 'STRING' },
];

export const bigquery: BatchApi = {
  api: vertex,
  claims: (_method, path) => claimed.test(path),
  async serve(call) {
    const [, way, project = '', job, dataset, table, data] = claimed.exec(call.path) ?? [];
    if (way === 'upload') return load(call, project);
    if (job !== undefined) return tellLoad(call, job);
    if (dataset === undefined)
      return refuse(call, 400, 'invalid', 'Only load jobs with an upload are simulated.');
    if (dataset.startsWith('missing'))
      return refuse(call, 404, 'notFound', `Not found: Dataset ${project}:${dataset}`);
    if (table === undefined)
      return call.send(200, {
        kind: 'bigquery#dataset',
        datasetReference: { projectId: project, datasetId: dataset },
      });
    const object = call.engine.objects.find(tableKey(call.instance, project, dataset, table));
    if (object === undefined)
      return refuse(call, 404, 'notFound', `Not found: Table ${project}:${dataset}.${table}`);
    if (call.method === 'DELETE') {
      call.engine.objects.remove(object.key);
      call.outgoing.writeHead(204).end();
      return;
    }
    const fields = knownTo(call.engine).schemas.get(object.key) ?? outputSchema;
    if (data !== undefined) return sendRows(call, object, fields);
    call.send(200, {
      kind: 'bigquery#table',
      tableReference: { projectId: project, datasetId: dataset, tableId: table },
      schema: { fields },
      numBytes: String(object.bytes),
    });
  },
};

function tableKey(instance: string, project: string, dataset: string, table: string): string {
  return `${instance}/bigquery/${decodeURIComponent(project)}.${dataset}.${table}`;
}

/** `bq://project.dataset.table` as a key of the store. */
export function bigqueryUriKey(instance: string, uri: string): string | undefined {
  const match = /^bq:\/\/(.+)\.([^.]+)\.([^.]+)$/.exec(uri);
  return match === null ? undefined : tableKey(instance, match[1] ?? '', match[2] ?? '', match[3] ?? '');
}

function refuse(call: BatchCall, code: number, reason: string, message: string): void {
  call.send(code, { error: { code, message, errors: [{ message, domain: 'global', reason }] } });
}

async function load(call: BatchCall, project: string): Promise<void> {
  const related = await readRelated(call.headers, call.incoming);
  if (related === undefined) return refuse(call, 400, 'badRequest', 'Malformed multipart body.');
  const config = asObject(asObject(related.metadata['configuration'])['load']);
  const target = asObject(config['destinationTable']);
  const dataset = asString(target['datasetId']) ?? '';
  if (config['sourceFormat'] !== 'NEWLINE_DELIMITED_JSON')
    return refuse(call, 400, 'invalid', 'Only lines of JSON are simulated.');
  if (dataset.startsWith('missing'))
    return refuse(call, 404, 'notFound', `Not found: Dataset ${project}:${dataset}`);
  const key = tableKey(
    call.instance,
    asString(target['projectId']) ?? project,
    dataset,
    asString(target['tableId']) ?? '',
  );
  const { objects } = call.engine;
  await objects.write(key, related.bytes, { append: config['writeDisposition'] === 'WRITE_APPEND' });
  const fields = asArray(asObject(config['schema'])['fields']).map(readField);
  knownTo(call.engine).schemas.set(key, fields);
  const wrong = await findWrongLine(objects.read(key), fields);
  if (wrong !== undefined) objects.remove(key);
  const id = asString(asObject(related.metadata['jobReference'])['jobId']) ?? call.engine.newId(16);
  const reference = { projectId: project, jobId: id, location: 'us-central1' };
  const job: LoadJob = {
    reference,
    error: wrong === undefined ? undefined : { reason: 'invalid', message: wrong },
  };
  knownTo(call.engine).loads.set(id, job);
  call.send(200, {
    kind: 'bigquery#job',
    id: `${project}:${id}`,
    jobReference: reference,
    status: { state: 'RUNNING' },
  });
}

function readField(field: unknown): Field {
  const { name, type } = asObject(field);
  return { name: asString(name) ?? '', type: asString(type) ?? 'STRING' };
}

async function findWrongLine(
  bytes: AsyncIterable<Buffer>,
  fields: readonly Field[],
): Promise<string | undefined> {
  for await (const lines of splitLines(bytes))
    for (const line of lines) {
      const row = parseLine(line);
      if (!isObject(row)) return `Error while reading data, line ${line.number}: it is no JSON object.`;
      const stranger = Object.keys(row).find((name) => !fields.some((field) => field.name === name));
      if (stranger !== undefined)
        return `Error while reading data, line ${line.number}: No such field: ${stranger}.`;
    }
  return undefined;
}

function tellLoad(call: BatchCall, id: string): void {
  const job = knownTo(call.engine).loads.get(id);
  if (job === undefined) {
    refuse(call, 404, 'notFound', `Not found: Job ${id}`);
    return;
  }
  call.send(200, {
    kind: 'bigquery#job',
    jobReference: job.reference,
    status: {
      state: 'DONE',
      ...(job.error === undefined ? {} : { errorResult: job.error, errors: [job.error] }),
    },
  });
}

/** The page token is where the next row begins in the file. */
async function sendRows(call: BatchCall, object: StoredObject, fields: readonly Field[]): Promise<void> {
  const most = Number(call.query.get('maxResults') ?? 100_000);
  const start = Number(call.query.get('pageToken') ?? 0);
  const wanted = call.query.get('selectedFields')?.split(',');
  const columns = wanted === undefined ? fields : fields.filter(({ name }) => wanted.includes(name));
  const rows: object[] = [];
  let bytes = 0;
  let next: number | undefined;
  read: for await (const lines of splitLines(call.engine.objects.read(object.key, { start })))
    for (const line of lines) {
      if (rows.length >= most || bytes > mostPageBytes) {
        next = start + line.at;
        break read;
      }
      bytes += line.bytes;
      const row = asObject(parseLine(line));
      rows.push({ f: columns.map((column) => ({ v: cell(row[column.name], column) })) });
    }
  call.send(200, {
    kind: 'bigquery#tableDataList',
    ...(next === undefined ? {} : { pageToken: String(next) }),
    rows,
  });
}

function cell(value: unknown, { type }: Field): string | null {
  if (value === undefined || value === null) return null;
  return type === 'JSON' ? JSON.stringify(value) : String(value);
}
