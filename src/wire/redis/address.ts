/**
 * The address of a Redis, of the sentinels that watch one, or of a cluster, taken apart. What is wrong with one is said by what would be
 * right, and never by a piece of it: each piece may be part of a password that was not escaped.
 */

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

interface Reached {
  /** At least one. Of sentinels and clusters those that are asked first; they tell of the others. */
  readonly nodes: readonly RedisNode[];
  readonly tls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

export interface SingleAddress extends Reached {
  readonly kind: 'single';
  readonly db: number;
}

/** `nodes` are the sentinels; user and password are those of the Redis that they watch. */
export interface SentinelAddress extends Reached {
  readonly kind: 'sentinel';
  readonly master: string;
  readonly db: number;
  readonly sentinelUser: string | undefined;
  readonly sentinelPassword: string | undefined;
}

export interface ClusterAddress extends Reached {
  readonly kind: 'cluster';
}

export type RedisAddress = SingleAddress | SentinelAddress | ClusterAddress;

export type ReadAddress =
  | { readonly ok: true; readonly address: RedisAddress }
  /** What would be right. */
  | { readonly ok: false; readonly fix: string };

/** Of an address in a config or a schema. */
export const addressPattern = '^rediss?(?:\\+(?:sentinel|cluster))?://';

const usualPort = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;
type Kind = keyof typeof usualPort;

const forms =
  'Write redis://HOST:6379, redis+sentinel://HOST:26379/MASTER or redis+cluster://HOST:6379; rediss for TLS.';
const userForm =
  'Write USER:PASSWORD@ or :PASSWORD@ before the host, with %40 for @, %2F for / and %3A for :.';
const sentinelKeys = ['sentinel_user', 'sentinel_password'] as const;

class Wrong extends Error {}

export function readRedisAddress(text: string): ReadAddress {
  try {
    return { ok: true, address: read(text) };
  } catch (thrown) {
    if (thrown instanceof Wrong) return { ok: false, fix: thrown.message };
    throw thrown;
  }
}

function read(text: string): RedisAddress {
  // The last @ ends the password, which may hold anything that its writer forgot to escape.
  const parts =
    /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text);
  if (parts === null) throw new Wrong(bareHost(text) ? `Did you mean "redis://${text}"?` : forms);
  const [, secure, kindName, login, hosts = '', path = '', query = ''] = parts;
  const kind = kindName === 'sentinel' || kindName === 'cluster' ? kindName : 'single';
  const reached = { nodes: readNodes(hosts, kind), tls: secure === 's', ...readLogin(login) };
  const names = path
    .split('/')
    .slice(1)
    .filter((name, at, all) => name !== '' || at < all.length - 1);
  const asked = readQuery(query, kind);
  switch (kind) {
    case 'single':
      if (names.length > 1)
        throw new Wrong('Behind the host stands the number of a database at most: redis://HOST:6379/1.');
      return { kind, ...reached, db: readDb(names[0]) };
    case 'sentinel': {
      const master = decoded(names[0] ?? '');
      if (master === '' || names.length > 2)
        throw new Wrong(
          'Name the master behind the sentinels: redis+sentinel://HOST1:26379,HOST2:26379/MASTER, then perhaps /1 for a database.',
        );
      const [sentinelUser, sentinelPassword] = sentinelKeys.map((key) => asked.get(key));
      return { kind, ...reached, master, db: readDb(names[1]), sentinelUser, sentinelPassword };
    }
    case 'cluster':
      if (names.length > 0) throw new Wrong('A cluster has one database: nothing stands behind its hosts.');
      return { kind, ...reached };
  }
}

const bareHost = (text: string): boolean => /^[\w.-]+(?::\d+)?$/.test(text);

function readNodes(text: string, kind: Kind): readonly RedisNode[] {
  const nodes = text.split(',').map((node) => readNode(node, kind));
  if (kind === 'single' && nodes.length > 1)
    throw new Wrong(
      'Several hosts are sentinels, redis+sentinel://HOST1:26379,HOST2:26379/MASTER, or a cluster, redis+cluster://HOST1:6379,HOST2:6379.',
    );
  return nodes;
}

function readNode(text: string, kind: Kind): RedisNode {
  const [, bracketed, plain, port] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]%]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new Wrong(forms);
  const number = port === undefined ? usualPort[kind] : Number(port);
  if (number < 1 || number > 65_535) throw new Wrong('A port is a number from 1 to 65535.');
  return { host, port: number };
}

function readLogin(text: string | undefined): Pick<Reached, 'user' | 'password'> {
  if (text === undefined) return { user: undefined, password: undefined };
  const colon = text.indexOf(':');
  if (colon < 0) throw new Wrong(userForm);
  const user = decoded(text.slice(0, colon));
  return { user: user === '' ? undefined : user, password: decoded(text.slice(colon + 1)) };
}

function readDb(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,5}$/.test(text)) throw new Wrong('A database is a whole number, such as /1.');
  return Number(text);
}

function readQuery(text: string, kind: Kind): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const part of text === '' ? [] : text.split('&')) {
    const equals = part.indexOf('=');
    const key = sentinelKeys.find((one) => one === part.slice(0, Math.max(0, equals)));
    if (kind !== 'sentinel' || key === undefined)
      throw new Wrong(
        `Behind a question mark only ${sentinelKeys.join(' and ')} are known, of redis+sentinel://; in a password it is %3F.`,
      );
    found.set(key, decoded(part.slice(equals + 1)));
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Wrong('A percent sign begins an escape of two digits: write %25 for itself.');
  }
}
