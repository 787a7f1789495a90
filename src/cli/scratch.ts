/**
 * A folder on this machine's disk for files of one step of batch work, some gigabytes at times. A process that is killed leaves its own behind; the next that starts on
 * this machine removes it.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Machines and containers may share the disk; whose processes live there, nobody here knows. */
const prefixOf = (host: string): string => `intermodal-${host.replace(/[^a-zA-Z0-9.]/g, '_')}-`;

/** One process may run several gateways. */
const opened = new Set<string>();

/** `id`: of letters and digits. */
export function openScratch(parent: string, id: string, host = hostname(), pid = process.pid): string {
  const prefix = prefixOf(host);
  for (const name of readdirSync(parent)) {
    const owner = name.startsWith(prefix)
      ? /^(\d+)-[a-z0-9]+$/.exec(name.slice(prefix.length))?.[1]
      : undefined;
    if (owner === undefined || (Number(owner) === pid ? opened.has(name) : isAlive(Number(owner)))) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
  const own = `${prefix}${pid}-${id}`;
  opened.add(own);
  const folder = join(parent, own);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // Another user's process cannot be asked, but it is there.
    return !(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH');
  }
}
