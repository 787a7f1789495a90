/** A real S3-compatible server for tests: MinIO from PATH, on a free port, in a folder of its own, ended by its id. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort } from './redis.ts';

export interface TestMinio {
  /** Of its S3 API. */
  readonly url: string;
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  makeBucket(name: string): Promise<void>;
  close(): Promise<void>;
}

export const minioMissing =
  spawnSync('minio', ['--version']).status === 0
    ? false
    : 'minio is not on PATH; install it (go install github.com/minio/minio@latest) to run this';

const longestStartMs = 30_000;

export async function startMinio(): Promise<TestMinio> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-minio-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  const keys = { accessKeyId: 'intermodal', secretAccessKey: 'secret-of-a-test' };
  const child = spawn(
    'minio',
    [
      'server',
      folder,
      '--quiet',
      '--address',
      url.slice('http://'.length),
      '--console-address',
      '127.0.0.1:0',
    ],
    {
      env: {
        ...process.env,
        MINIO_ROOT_USER: keys.accessKeyId,
        MINIO_ROOT_PASSWORD: keys.secretAccessKey,
        MINIO_UPDATE: 'off',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  await answers(child, `${url}/minio/health/ready`);
  const client = new S3Client({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: keys,
  });
  return {
    url,
    keys,
    async makeBucket(name) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
    },
    async close() {
      client.destroy();
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(child: ChildProcess, url: string): Promise<void> {
  const latest = performance.now() + longestStartMs;
  while (performance.now() < latest && child.exitCode === null) {
    const ready = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) return;
    await sleep(50);
  }
  await end(child);
  throw new Error(`minio did not come up (exit code ${child.exitCode})`);
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
