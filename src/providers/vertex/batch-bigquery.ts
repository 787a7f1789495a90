/**
 * A job's lines and rows as two tables of a BigQuery dataset: `intermodal_ID_input`, which a load job makes, and `intermodal_ID_output`,
 * which Google makes.
 */
import type { BigQuery, Job, Table } from '@google-cloud/bigquery';
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { asArray, asObject, asString } from '../../core/json.ts';
import type { BatchJob } from '../contract.ts';
import { redact } from '../families/error-table.ts';
import type { Authenticate } from './auth.ts';
import { answered, type BatchPlace, type JobFields, outputGone, pour } from './batch-place.ts';
import { createCredential, readThrown } from './google-client.ts';
import { jobCallTimeoutMs, transferMs } from './limits.ts';

const service = 'BigQuery';
/** Rows a page; Google cuts pages at some 10 MB besides. */
const rowsPerPage = 500;
/** A job has 200,000 rows at most; pages of a few each, where rows are large. */
const mostRowPages = 200_000;

/** The job that takes a table in is asked after this often. */
const loadPollMs = 1000;

/** Google wants the request as JSON, and copies every other column. */
const schema = {
  fields: [
    { name: 'custom_id', type: 'STRING', mode: 'REQUIRED' },
    { name: 'request', type: 'JSON', mode: 'REQUIRED' },
  ],
};

export interface BigQueryPlaceOptions {
  /** `bq://project.dataset`. */
  readonly uri: string;
  /** Pays for the load. */
  readonly project: string;
  /** Absent: Google's. */
  readonly endpoint: string | undefined;
  readonly authenticate: Authenticate;
  readonly clock: Clock;
}

interface TableName {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
}

export function createBigQueryPlace(options: BigQueryPlaceOptions): BatchPlace {
  const { clock } = options;
  const own = splitUri(options.uri);
  const openTable = tableOpener(options);
  const named = (job: BatchJob, what: 'input' | 'output'): TableName => ({
    ...own,
    table: `intermodal_${job.id}_${what}`,
  });

  return {
    configs: (job) => ({
      inputConfig: {
        instancesFormat: 'bigquery',
        bigquerySource: { inputUri: spell(named(job, 'input')) },
      },
      outputConfig: {
        predictionsFormat: 'bigquery',
        bigqueryDestination: { outputUri: spell(named(job, 'output')) },
      },
    }),
    async write(job, chunks) {
      await load(await openTable(named(job, 'input')), chunks, clock);
    },
    async *read(job, fields) {
      const told = outputOf(fields, own);
      const table = await openTable(told ?? named(job, 'output'));
      for await (const rows of readRows(table)) {
        if (rows !== undefined) yield rows;
        else if (told !== undefined) throw outputGone();
      }
    },
    async remove(job) {
      for (const what of ['input', 'output'] as const) {
        const table = await openTable(named(job, what));
        await table.delete({ ignoreNotFound: true }).catch(fail);
      }
    },
  };
}

type OpenTable = (name: TableName) => Promise<Table>;

function tableOpener({ endpoint, authenticate, project }: BigQueryPlaceOptions): OpenTable {
  let opening: Promise<BigQuery> | undefined;
  async function open(): Promise<BigQuery> {
    const [{ BigQuery: Client }, credential] = await Promise.all([
      import('@google-cloud/bigquery'),
      createCredential(authenticate),
    ]);
    const bigquery = new Client({
      projectId: project,
      authClient: credential,
      retryOptions: { autoRetry: false, maxRetries: 0 },
      ...(endpoint === undefined ? {} : { apiEndpoint: endpoint }),
    });
    // Its options have none.
    bigquery.timeout = jobCallTimeoutMs;
    return bigquery;
  }
  return async (name) => {
    opening ??= open();
    const bigquery = await opening;
    return bigquery.dataset(name.dataset, { projectId: name.project }).table(name.table);
  };
}

function splitUri(uri: string): Omit<TableName, 'table'> {
  const path = uri.replace(/^bq:\/\//, '');
  // Projects of old are named `example.com:project`.
  const dot = path.lastIndexOf('.');
  return { project: path.slice(0, dot), dataset: path.slice(dot + 1) };
}

function spell({ project, dataset, table }: TableName): string {
  return `bq://${project}.${dataset}.${table}`;
}

/** Where Google says that the rows are: the settings may have changed since the job was made. */
function outputOf(fields: JobFields, own: Omit<TableName, 'table'>): TableName | undefined {
  const info = asObject(fields['outputInfo']);
  const table = asString(info['bigqueryOutputTable']);
  if (table === undefined || table === '') return undefined;
  // Told as a bare name beside its dataset, or as a whole address.
  const parts = table.replace(/^bq:\/\//, '').split('.');
  const name = parts.pop() ?? '';
  const dataset = asString(info['bigqueryOutputDataset'])?.replace(/^bq:\/\//, '');
  const where = parts.length > 0 ? parts.join('.') : dataset;
  return { ...(where?.includes('.') === true ? splitUri(where) : own), table: name };
}

/**
 * Streams the lines into a load job, and waits for its end: a job at Vertex that finds no table yet would fail. By the library's inner
 * stream: its outer one takes every answer for a job, and what is none (a proxy's page) would end the process.
 */
async function load(table: Table, chunks: AsyncIterable<string>, clock: Clock): Promise<void> {
  const sink = table.createWriteStream_({
    sourceFormat: 'NEWLINE_DELIMITED_JSON',
    writeDisposition: 'WRITE_TRUNCATE',
    schema,
  });
  const made = new Promise<Job | null>((resolve, reject) => {
    sink.once('job', resolve);
    sink.on('error', reject);
  });
  // Told by `pour` where the lines are to blame.
  made.catch(() => undefined);
  try {
    await pour(clock, chunks, sink);
    const job = await answered(clock, made, (error) => sink.destroy(error));
    if (job === null)
      throw new GatewayError('upstream_malformed', 'BigQuery’s answer to an upload is no job.');
    await loaded(job, clock);
  } catch (thrown) {
    throw readThrown(service, thrown);
  }
}

async function loaded(job: Job, clock: Clock): Promise<void> {
  for (let waitedMs = 0; waitedMs < transferMs; waitedMs += loadPollMs) {
    const [metadata] = await job.getMetadata();
    const status = asObject(asObject(metadata)['status']);
    const { errorResult } = status;
    if (status['state'] === 'DONE') {
      if (errorResult === undefined) return;
      const message = asString(asObject(errorResult)['message']) ?? 'without a reason';
      throw new GatewayError('upstream_refused_shape', `BigQuery did not take the lines: ${redact(message)}`);
    }
    await new Promise<void>((resolve) => void clock.after(loadPollMs, resolve));
  }
  throw new GatewayError(
    'upstream_timeout',
    `BigQuery did not take the lines in ${transferMs / 60_000} minutes.`,
  );
}

/** `undefined`: there is no such table. A job that ended before its first row made none. */
async function* readRows(table: Table): AsyncGenerator<readonly unknown[] | undefined, void, undefined> {
  let pageToken: string | undefined;
  for (let page = 0; page < mostRowPages; page++) {
    const answer = await table
      .getRows({
        autoPaginate: false,
        maxResults: rowsPerPage,
        // Without the request, which Google repeats: it is half of the bytes, and the id is a column.
        selectedFields: 'custom_id,status,response',
        ...(pageToken === undefined ? {} : { pageToken }),
      })
      .catch(orNoTable);
    if (answer === undefined) {
      yield undefined;
      return;
    }
    const [rows, next] = answer;
    yield asArray(rows).map(readRow);
    pageToken = asString(asObject(next)['pageToken']);
    if (pageToken === undefined) return;
  }
}

function orNoTable(thrown: unknown): undefined {
  const { code, message } = asObject(thrown);
  if (code === 404 && /not found: table/i.test(asString(message) ?? '')) return undefined;
  return fail(thrown);
}

/** A column of JSON comes as its text. */
function readRow(row: unknown): unknown {
  const fields = asObject(row);
  const text = asString(fields['response']);
  if (text === undefined) return fields;
  try {
    return { ...fields, response: JSON.parse(text) };
  } catch {
    return { ...fields, response: undefined };
  }
}

function fail(thrown: unknown): never {
  throw readThrown(service, thrown);
}
