/** Who is measured, and how each is addressed. A contender that is not on this machine is left out and said so. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Traffic } from './bodies.ts';
import { forkServer, freePort, measuredCore, spawnServer } from './processes.ts';

export interface Contender {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly child: ChildProcess | undefined;
  /** How it is asked for a traffic; `undefined` where it cannot do it. */
  ask(
    traffic: Traffic,
  ):
    | { readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: string }
    | undefined;
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const plain = (traffic: Traffic, upstreamPath: boolean) => ({
  path: upstreamPath ? `/${traffic.upstream}/v1/chat/completions` : '/v1/chat/completions',
  headers: {},
  body: traffic.request('gpt-4.1-mini'),
});

export function direct(port: number, child: ChildProcess): Contender {
  return {
    name: 'direct',
    port,
    pid: child.pid ?? 0,
    child: undefined,
    ask: (traffic) => plain(traffic, true),
  };
}

export async function floor(upstreamPort: number): Promise<Contender> {
  const { child, port } = await forkServer(
    new URL('./floor.ts', import.meta.url),
    [`http://127.0.0.1:${upstreamPort}`],
    measuredCore,
  );
  return { name: 'floor', port, pid: child.pid ?? 0, child, ask: (traffic) => plain(traffic, true) };
}

export async function nginx(upstreamPort: number): Promise<Contender | undefined> {
  if (spawnSync('nginx', ['-v']).status !== 0) return undefined;
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'));
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  client_body_buffer_size 64k; keepalive_requests 100000000;
  upstream provider { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header connection ""; proxy_buffering off; } }
}
`,
  );
  const child = await spawnServer('nginx', ['-c', config, '-p', folder], port, measuredCore);
  return { name: 'nginx', port, pid: child.pid ?? 0, child, ask: (traffic) => plain(traffic, true) };
}

/** Two providers, with a fallback for each route. */
export const routes = (upstreamPort: number): string => `providers:
  openai: { type: openai, api_key: bench, base_url: "http://127.0.0.1:${upstreamPort}/openai/v1" }
  anthropic: { type: anthropic, api_key: bench, base_url: "http://127.0.0.1:${upstreamPort}/anthropic" }
routes:
  gpt-4.1-mini: { chain: [openai/gpt-4.1-mini, anthropic/claude-haiku-4-5] }
  claude: { chain: [anthropic/claude-haiku-4-5, openai/gpt-4.1-mini] }
`;

/** Limits of providers and models, budgets of all and of each key: so large that nobody is refused, and every one of them is counted. */
export const guards = `limits:
  openai: { rpm: 100M, concurrent: 1M }
  openai/gpt-4.1-mini: { rpm: 100M, input_tpm: 10G, output_tpm: 10G }
  anthropic/claude-haiku-4-5: { rpm: 100M, input_tpm: 10G, output_tpm: 10G }
budgets:
  - { scope: all, daily: $900000, monthly: $900000 }
  - { scope: key, key: "*", daily: $900000 }
`;

/** With everything on: a key with limits, limits, budgets, the ledger in a file, metrics, a log line for each request. */
export async function intermodal(upstreamPort: number): Promise<Contender> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'bench-intermodal-'));
  const config = join(folder, 'speed.yaml');
  const store = join(folder, 'ledger.db');
  writeFileSync(config, `server: { port: ${port} }\nstore: ${store}\n${routes(upstreamPort)}${guards}`);
  const main = file('../../src/main.ts');
  const made = spawnSync(
    process.execPath,
    [main, 'keys', 'create', '--name', 'bench', '--rpm', '1000000', '--input-tpm', '1G', '--store', store],
    { encoding: 'utf8' },
  );
  const key = made.stdout.trim();
  if (key === '') throw new Error(`no key could be made: ${made.stderr}`);
  const child = await spawnServer(process.execPath, [main, 'serve', '--config', config], port, measuredCore);
  return ours('intermodal', port, child, `Bearer ${key}`);
}

/** Without what counts and guards. */
export async function bare(upstreamPort: number): Promise<Contender> {
  const config = join(mkdtempSync(join(tmpdir(), 'bench-bare-')), 'speed.yaml');
  writeFileSync(config, routes(upstreamPort));
  const { child, port } = await forkServer(new URL('./bare.ts', import.meta.url), [config], measuredCore);
  return ours('bare', port, child, 'Bearer bench');
}

function ours(name: string, port: number, child: ChildProcess, authorization: string): Contender {
  return {
    name,
    port,
    pid: child.pid ?? 0,
    child,
    ask: (traffic) => ({
      path: '/v1/chat/completions',
      headers: { authorization },
      body: traffic.request(traffic.upstream === 'openai' ? 'gpt-4.1-mini' : 'claude'),
    }),
  };
}

/** The peer is installed on first use, into its own folder; without a registry it is left out. */
export async function portkey(
  upstreamPort: number,
  print: (line: string) => void,
): Promise<Contender | undefined> {
  const folder = file('../peers');
  const entry = join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  if (!existsSync(entry)) {
    print('installing @portkey-ai/gateway into bench/peers ...');
    spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'], {
      cwd: folder,
      stdio: 'ignore',
    });
  }
  if (!existsSync(entry)) return undefined;
  const port = await freePort();
  const child = await spawnServer(
    process.execPath,
    [entry, '--headless', `--port=${port}`],
    port,
    measuredCore,
    {
      NODE_ENV: 'production',
      TRUSTED_CUSTOM_HOSTS: `127.0.0.1,localhost`,
    },
  );
  return {
    name: 'portkey',
    port,
    pid: child.pid ?? 0,
    child,
    ask: (traffic) => ({
      path: '/v1/chat/completions',
      headers: {
        authorization: 'Bearer bench',
        'x-portkey-provider': traffic.upstream,
        'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/${traffic.upstream}/v1`,
      },
      body: traffic.request(traffic.upstream === 'openai' ? 'gpt-4.1-mini' : 'claude-haiku-4-5-20251001'),
    }),
  };
}
