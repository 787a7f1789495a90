/** Google's own BigQuery client against the simulator, unchanged. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';
import { BigQuery, type Dataset } from '@google-cloud/bigquery';
import { PassThroughClient } from 'google-auth-library';
import { asArray, isObject } from '../../core/json.ts';
import { type Simulator, startSimulator } from '../server.ts';

class Token extends PassThroughClient {
  override async getRequestHeaders(): Promise<Headers> {
    return new Headers({ authorization: 'Bearer t' });
  }
}

const schema = {
  fields: [
    { name: 'custom_id', type: 'STRING' },
    { name: 'request', type: 'JSON' },
  ],
};

describe('BigQuery', () => {
  let simulator: Simulator;
  let dataset: Dataset;

  before(async () => {
    simulator = await startSimulator();
    const bigquery = new BigQuery({
      projectId: 'acme',
      apiEndpoint: `${simulator.url}/~vertex`,
      retryOptions: { autoRetry: false },
      authClient: new Token(),
    });
    dataset = bigquery.dataset('batch');
  });
  after(() => simulator.close());

  async function load(table: string, lines: readonly string[]): Promise<void> {
    const sink = dataset.table(table).createWriteStream({
      sourceFormat: 'NEWLINE_DELIMITED_JSON',
      writeDisposition: 'WRITE_TRUNCATE',
      schema,
    });
    await pipeline(Readable.from(lines), sink);
  }

  const row = (id: number): string => `{"custom_id":"${id}","request":{"n":${id},"text":"né\\n\u2028"}}\n`;

  test('lines become rows, a column of JSON its text, and a second load replaces the first', async () => {
    await load('rows', [row(0), row(1)]);
    await load('rows', [row(2), row(3)]);
    const [rows] = await dataset.table('rows').getRows();
    assert.deepEqual(
      rows.map((one) => [one.custom_id, JSON.parse(one.request)]),
      [2, 3].map((id) => [String(id), { n: id, text: 'né\n\u2028' }]),
    );
  });

  test('rows come by page and by column', async () => {
    await load(
      'pages',
      Array.from({ length: 7 }, (_, id) => row(id)),
    );
    const options = { autoPaginate: false, maxResults: 3, selectedFields: 'custom_id' };
    const seen: unknown[] = [];
    let next: object | undefined = options;
    for (let page = 0; next !== undefined && page < 9; page++) {
      const [rows, query]: readonly unknown[] = await dataset.table('pages').getRows(next);
      assert.ok(asArray(rows).length <= 3);
      seen.push(...asArray(rows));
      next = isObject(query) ? query : undefined;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 7 }, (_, id) => ({ custom_id: String(id) })),
    );
  });

  test('a line that is none, or has a column that nobody knows, fails the load and leaves no table', async () => {
    await assert.rejects(load('wrong', [row(0), '{"custom_id":\n']), /line 2/);
    await assert.rejects(load('wrong', ['{"id":"1"}\n']), /No such field: id/);
    await assert.rejects(dataset.table('wrong').getRows(), { code: 404 });
  });

  test('what is deleted is gone, and a dataset may be missing', async () => {
    await load('gone', [row(0)]);
    await dataset.table('gone').delete();
    await assert.rejects(dataset.table('gone').delete(), { code: 404 });
    const nowhere = dataset.bigQuery.dataset('missing').table('x');
    await assert.rejects(nowhere.getRows(), { code: 404 });
  });
});
