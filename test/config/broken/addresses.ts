/** The addresses of what gateways share, and never a password in them. */
import type { Broken } from './broken.ts';

const head = `providers:
  openai: { type: openai }
  anthropic: { type: anthropic }
routes:
  chat: { chain: [openai/gpt-4.1-mini, anthropic/claude-haiku-4-5] }
  "gpt-*": { chain: [openai/*] }
`;

/** What stands behind `head`, from line 7 on. */
const row = (name: string, yaml: string, ...says: readonly string[]): Broken => ({
  name,
  yaml: `${head}${yaml}\n`,
  says,
});

export const addresses: readonly Broken[] = [
  row(
    'redis without its scheme',
    'redis: 127.0.0.1:6379',
    '7:8 redis: "127.0.0.1:6379" is not the address of a Redis. Did you mean "redis://127.0.0.1:6379"?',
  ),
  row(
    'redis at http',
    'redis: http://127.0.0.1:6379',
    '7:8 redis: "http://127.0.0.1:6379" is not the address of a Redis. Write redis://HOST:6379, redis+sentinel://HOST:26379/MASTER or redis+cluster://HOST:6379; rediss for TLS.',
  ),
  row(
    'redis with no host',
    'redis: redis://',
    '7:8 redis: "redis://" is not the address of a Redis. Write redis://HOST:6379, redis+sentinel://HOST:26379/MASTER or redis+cluster://HOST:6379; rediss for TLS.',
  ),
  row(
    'a store of another kind',
    'store: mysql://db/intermodal',
    '7:8 store: "mysql://db/intermodal" is not a store. Write the path of a file such as intermodal.db, :memory:, or postgres://HOST/DATABASE.',
  ),
  row(
    'an empty store',
    'store: ""',
    '7:8 store: "" is not a store. Write the path of a file such as intermodal.db, :memory:, or postgres://HOST/DATABASE.',
  ),
  row(
    'a store without path',
    'store: "sqlite:"',
    '7:8 store: "sqlite:" is not a store. Write the path of a file such as intermodal.db, :memory:, or postgres://HOST/DATABASE.',
  ),
  row('a store as mapping', 'store: { path: x.db }', '7:8 store: a mapping is not a text. Write a text.'),
  row(
    'an address of Redis with a password and without its scheme',
    'redis: user:hunter2@cache.acme.test',
    '7:8 redis: "…@cache.acme.test" is not the address of a Redis. Write redis://HOST:6379, redis+sentinel://HOST:26379/MASTER or redis+cluster://HOST:6379; rediss for TLS.',
  ),
  row(
    'sentinels without the name of their master',
    'redis: redis+sentinel://:hunter2@a:26379,b:26379',
    '7:8 redis: "…@a:26379,b:26379" is not the address of a Redis. Name the master behind the sentinels: redis+sentinel://HOST1:26379,HOST2:26379/MASTER, then perhaps /1 for a database.',
  ),
  row(
    'several hosts of no cluster',
    'redis: redis://a,b',
    '7:8 redis: "redis://a,b" is not the address of a Redis. Several hosts are sentinels, redis+sentinel://HOST1:26379,HOST2:26379/MASTER, or a cluster, redis+cluster://HOST1:6379,HOST2:6379.',
  ),
  row(
    'a cluster with a database',
    'redis: redis+cluster://a:7000,b:7001/1',
    '7:8 redis: "redis+cluster://a:7000,b:7001/1" is not the address of a Redis. A cluster has one database: nothing stands behind its hosts.',
  ),
  row(
    'sentinels asked for what they do not know',
    'redis: redis+sentinel://a/main?password=hunter2',
    '7:8 redis: "redis+sentinel://a/main?…" is not the address of a Redis. Behind a question mark only sentinel_user and sentinel_password are known, of redis+sentinel://; in a password it is %3F.',
  ),
  row(
    'a password of Redis that was not escaped',
    'redis: redis://app:hun?ter/2@cache.acme.test',
    '7:8 redis: "…" is not the address of a Redis. Write redis://HOST:6379, redis+sentinel://HOST:26379/MASTER or redis+cluster://HOST:6379; rediss for TLS.',
  ),
  row(
    'a store, and a file that it is in beside it',
    'store: x.db\nstore_file: /run/secrets/none',
    '8:1 store_file: both "store" and "store_file" are given. Keep one of them.',
  ),
  row(
    'an address of Redis where its file should be named',
    'redis_file: redis://:hunter2@cache:6379',
    '7:13 redis_file: this is not an absolute path (not shown). Write the whole path of a file, such as /run/secrets/redis; the value itself stands under redis.',
  ),
  row(
    'a file that is not there',
    'redis_file: /run/secrets/of/nobody',
    '7:13 redis_file: the file /run/secrets/of/nobody is not there. Put the value into a file there that this user may read, or give a default: ${file:/run/secrets/of/nobody:-default}.',
  ),
];
