import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { batchIn } from '../../../test/support/batch-inputs.ts';
import { root, running, stubGateway } from './fixtures/stub-gateway.ts';

const { answers, folder, run } = stubGateway();

describe('intermodal batch', () => {
  test('shows a batch, and fetches its results when it has ended', async () => {
    const early = await run('results', 'batch_1');
    assert.equal(early.code, 1);
    assert.match(early.stderr, /is in_progress, and has no results yet\. Wait for them/);

    answers['GET /v1/batches/batch_1'] = [batchIn('completed', 4, 0, { output_file_id: 'file-2' })];
    answers['GET /v1/files/file-2/content'] = ['{"custom_id":"a"}\n'];
    const shown = await run('status', 'batch_1');
    assert.equal(shown.code, 0);
    assert.match(shown.stdout, /^status +completed$/m);
    assert.equal((await run('results', 'batch_1')).stdout, '{"custom_id":"a"}\n');
    const target = join(folder, 'results.jsonl');
    const errors = join(folder, 'errors.jsonl');
    const saved = await run('results', 'batch_1', '--output', target, '--errors', errors);
    assert.equal(saved.code, 0);
    assert.equal(saved.stderr, `Written: ${target}\nThe batch batch_1 (completed) has no failed items.\n`);
    assert.equal(readFileSync(target, 'utf8'), '{"custom_id":"a"}\n');
    assert.ok(!existsSync(errors) && !existsSync(`${target}.part`));
  });

  test('shows what is wrong with an input, and fails', async () => {
    const errors = { data: [{ line: 3, message: 'no model' }, { message: 'too much' }] };
    answers['GET /v1/batches/batch_1'] = [batchIn('failed', 0, 0, { errors })];
    const { code, stdout } = await run('status', 'batch_1');
    assert.equal(code, 1);
    assert.match(stdout, /^line 3: no model\ntoo much$/m);
  });

  test('lists, cancels and tries again; all as JSON too', async () => {
    answers['GET /v1/batches?limit=2'] = [{ data: [running, running], has_more: true }];
    answers['GET /v1/batches?limit=20&after=x'] = [{ data: [], has_more: false }];
    answers['POST /v1/batches/batch_1/cancel'] = [batchIn('cancelling', 0, 0)];
    answers['POST /v1/batches/batch_1/retry-dead'] = [{ retried: 1200 }];
    const listed = await run('list', '--limit', '2');
    assert.match(listed.stdout, /^batch_1 +in_progress +4 +0 +0 +\$0\.5000 +2026-/m);
    assert.match(listed.stderr, /There are more: intermodal batch list --after batch_1/);
    assert.match((await run('list', '--after', 'x')).stderr, /There are no batches/);
    assert.match((await run('cancel', 'batch_1')).stdout, /The batch batch_1 is cancelling/);
    assert.match(
      (await run('retry-dead', 'batch_1')).stdout,
      /1,200 failed items of batch_1 are tried again/,
    );
    for (const options of [
      ['list', '--limit', '2'],
      ['cancel', 'batch_1'],
      ['status', 'batch_1'],
      ['retry-dead', 'batch_1'],
    ])
      JSON.parse((await run(...options, '--json')).stdout);
    const missing = await run('status', 'batch_2');
    assert.equal(missing.code, 1);
    assert.equal(
      missing.stderr,
      'There is no such thing. See which batches there are: intermodal batch list\n',
    );
  });

  test('lists dead letters, and writes all of them as JSONL', async () => {
    const letter = (line: number) => ({
      line,
      custom_id: `item ${line}`,
      error: { code: 'upstream_invalid', message: 'Not so.\nNot at all.' },
      attempts: [{ target: 'openai/a@batch' }, { target: 'openai/a' }],
    });
    answers['GET /v1/batches/batch_1/dead-letters?after=0&limit=2'] = [
      { data: [letter(3), letter(5)], has_more: true },
    ];
    const listed = await run('dead-letters', 'batch_1', '--limit', '2');
    assert.match(listed.stdout, /^ +3 +item 3 +2 +openai\/a +upstream_invalid: Not so\. Not at all\.$/m);
    assert.match(listed.stderr, /There are more: intermodal batch dead-letters batch_1 --output FILE/);
    assert.match(listed.stderr, /Try them again: intermodal batch retry-dead batch_1/);
    const shown = JSON.parse((await run('dead-letters', 'batch_1', '--limit', '2', '--json')).stdout);
    assert.deepEqual(shown, [letter(3), letter(5)]);

    answers['GET /v1/batches/batch_1/dead-letters?after=0&limit=500'] = [
      { data: [letter(3), letter(5)], has_more: true },
    ];
    answers['GET /v1/batches/batch_1/dead-letters?after=5&limit=500'] = [
      { data: [letter(9)], has_more: false },
    ];
    const target = join(folder, 'dead.jsonl');
    const saved = await run('dead-letters', 'batch_1', '--output', target);
    assert.equal(saved.stderr, `Written: ${target} (3 dead letters)\n`);
    assert.equal(
      readFileSync(target, 'utf8'),
      [3, 5, 9].map((line) => `${JSON.stringify(letter(line))}\n`).join(''),
    );
    answers['GET /v1/batches/batch_1/dead-letters?after=0&limit=20'] = [{ data: [], has_more: false }];
    assert.match((await run('dead-letters', 'batch_1')).stderr, /has no dead letters\./);
  });

  test('is a command of the program', () => {
    const { status, stdout } = spawnSync(process.execPath, ['src/main.ts', 'batch', '--help'], {
      cwd: root,
      encoding: 'utf8',
    });
    assert.equal(status, 0);
    for (const name of ['submit', 'status', 'results', 'cancel', 'dead-letters', 'retry-dead', 'list'])
      assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
  });
});
