/**
 * One client for a Redis, for the one that sentinels point to, or for a cluster, with the same manners: the **hasty** fail at once what has
 * no connection, and send nothing twice; the **patient** let it wait.
 */
import { Cluster, Redis } from 'ioredis';
import { type ClusterAddress, type RedisAddress, readRedisAddress, type SentinelAddress } from './address.ts';

export type RedisClient = Redis | Cluster;

export interface RedisManners {
  readonly patient: boolean;
  /** Asks what is answered after ten seconds, as BullMQ does that waits for a job. */
  readonly blocks?: boolean;
  /** Fails what has no answer by then; for connecting, too. */
  readonly commandTimeoutMs?: number;
  readonly scripts?: Readonly<Record<string, { readonly lua: string }>>;
}

const connectTimeoutMs = 2_000;
/**
 * A connection on which nothing comes this long after something was asked leads to a server that went without a word. It is closed, so that
 * whoever has taken its place is looked for.
 */
const silenceMs = { usual: 3_000, blocked: 13_000 };
/** The hasty go where a cluster sends them, and no further. */
const hastyRedirections = 4;
/** The patient wait for a failover so often and so long: several times what a cluster takes. */
const patientRedirections = 150;
const patientDelayMs = 200;

const retryDelay = (times: number): number => Math.min(1_000, 50 * 2 ** Math.min(times, 5));

/** `url` was checked with the config; one that cannot be read throws. */
export function connectTo(url: string, manners: RedisManners): RedisClient {
  const read = readRedisAddress(url);
  if (!read.ok) throw new TypeError(`This is not the address of a Redis. ${read.fix}`);
  const client = open(read.address, manners);
  // Told by what fails and by `close`; without a listener the client writes to the console.
  client.on('error', () => undefined);
  return client;
}

function open(address: RedisAddress, manners: RedisManners): RedisClient {
  if (address.kind === 'cluster') return openCluster(address, manners);
  const [node] = address.nodes;
  return new Redis({
    ...connection(address, manners),
    ...scripts(manners),
    ...(address.kind === 'sentinel' ? watched(address) : node),
    db: address.db,
    enableOfflineQueue: manners.patient,
    retryStrategy: retryDelay,
  });
}

/** Of each connection to a server that holds data. */
function connection(
  { user, password, tls }: RedisAddress,
  { patient, blocks, commandTimeoutMs }: RedisManners,
) {
  return {
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    ...(commandTimeoutMs === undefined ? {} : { commandTimeout: commandTimeoutMs }),
    maxRetriesPerRequest: patient ? null : 0,
    // What got no answer is settled by us: sent again, it might be done twice.
    autoResendUnfulfilledCommands: patient,
    connectTimeout: connectTimeoutMs,
    socketTimeout: blocks === true ? silenceMs.blocked : silenceMs.usual,
    // It was a master before: whoever is now must be looked for.
    reconnectOnError: (error: Error) => error.message.includes('READONLY'),
  };
}

function watched({ nodes, master, tls, sentinelUser, sentinelPassword }: SentinelAddress) {
  return {
    sentinels: [...nodes],
    name: master,
    ...(sentinelUser === undefined ? {} : { sentinelUsername: sentinelUser }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
    sentinelCommandTimeout: connectTimeoutMs,
    sentinelRetryStrategy: retryDelay,
  };
}

/** Calls back whenever commands are taken again: of a cluster also by a single node, which may be the one that is asked. */
export function onReady(client: RedisClient, callback: () => void): void {
  client.on('ready', callback);
  if (client instanceof Cluster) client.on('+node', (node: Redis) => void node.on('ready', callback));
}

/** Who only listens asks nothing, and would listen to a server that is gone for ever: asks every server for a sign of life. */
export function askForLife(client: RedisClient): void {
  const servers = client instanceof Cluster ? client.nodes('all') : [client];
  // One that is connecting is being looked for already, and would keep each question for later.
  for (const server of servers)
    if (server.status === 'ready' || server.status === 'wait') server.ping().catch(() => undefined);
}

function openCluster(address: ClusterAddress, manners: RedisManners): Cluster {
  const { patient } = manners;
  const cluster = new Cluster([...address.nodes], {
    redisOptions: connection(address, manners),
    ...scripts(manners),
    enableOfflineQueue: patient,
    clusterRetryStrategy: retryDelay,
    // A node that is gone may have done what it was asked: only the patient ask again.
    retryDelayOnFailover: patient ? patientDelayMs : 0,
    retryDelayOnClusterDown: patient ? patientDelayMs : 0,
    maxRedirections: patient ? patientRedirections : hastyRedirections,
    slotsRefreshTimeout: connectTimeoutMs,
    // Certificates are of names; looked up first, nodes would be asked for by number.
    ...(address.tls ? { dnsLookup: (host, found) => found(null, host) } : {}),
  });
  // Else a node is connected to by the first command, and what is asked meanwhile fails. That it cannot be is told by what fails.
  if (!patient) cluster.on('+node', (node: Redis) => void node.connect().catch(() => undefined));
  return cluster;
}

function scripts({ scripts: all }: RedisManners) {
  return all === undefined ? {} : { scripts: { ...all } };
}
