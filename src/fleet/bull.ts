/**
 * Wake-ups through BullMQ: each hint is a delayed job, and whichever gateway takes it looks at the rows. A job holds a name and nothing
 * else; done or failed it is removed, and a Redis that loses all of them only makes the rows wait for the next look.
 */
import { Queue, Worker } from 'bullmq';
import type { Clock } from '../core/clock.ts';
import { connectTo } from '../wire/redis/connect.ts';
import { plainTrouble } from '../wire/redis/trouble.ts';
import type { Look, WakeUps } from './contract.ts';

/** The braces keep all its keys on one node of a cluster. */
const prefix = '{intermodal}';
/** One whose hands are full keeps one hint from the others, not more. Taking one takes no time while somebody here is free. */
const concurrency = 1;
/** A hint of the same name within this time of another says nothing new. */
const grainMs = 100;
/** Of hints that Redis has not taken yet; the rows wait for the next look if there are more. */
const mostPending = 10_000;
/** No timer of BullMQ is longer; a hint that comes too early is harmless. */
const longestDelayMs = 86_400_000;

export interface BullOptions {
  readonly url: string;
  /** What the hints are about: `batch`, `queue`. */
  readonly about: string;
  readonly clock: Clock;
  readonly onTrouble: (error: unknown) => void;
}

export function createBullWakeUps({ url, about, clock, onTrouble }: BullOptions): WakeUps {
  const looks = new Set<Look>();
  const told = connectTo(url, { patient: false });
  // BullMQ wants commands of its workers to wait for a connection.
  const heard = connectTo(url, { patient: true, blocks: true });
  let troubled = false;
  let pending = 0;
  const lost = (error: unknown): void => {
    // Each try to connect fails again; the first is told.
    if (!troubled) onTrouble(plainTrouble(error));
    troubled = true;
  };
  const well = (): void => {
    troubled = false;
  };
  const queue = new Queue(about, { prefix, connection: told });
  const worker = new Worker(
    about,
    async () => {
      well();
      await Promise.all([...looks].map((look) => look()));
    },
    { prefix, concurrency, connection: heard },
  );
  for (const redis of [told, heard]) redis.on('error', lost);
  queue.on('error', lost);
  worker.on('error', lost);
  heard.on('ready', well);

  return {
    at(name, dueAtMs) {
      const delay = Math.min(longestDelayMs, Math.max(0, dueAtMs - clock.now()));
      if (delay === 0) for (const look of looks) void look();
      if (pending >= mostPending) return;
      pending += 1;
      // BullMQ takes no colon in an id.
      const jobId = `${name.replaceAll(':', '-')}-${Math.ceil(dueAtMs / grainMs)}`;
      queue
        .add(name, {}, { jobId, delay, removeOnComplete: true, removeOnFail: true })
        .then(well, lost)
        .finally(() => {
          pending -= 1;
        });
    },
    onWake(look) {
      looks.add(look);
      return () => looks.delete(look);
    },
    get shared() {
      // Of a cluster the one node may be away that hints lie on, and the others still answer.
      return !troubled && heard.status === 'ready' && told.status === 'ready';
    },
    async close() {
      looks.clear();
      await Promise.allSettled([worker.close(true), queue.close()]);
      told.disconnect();
      heard.disconnect();
    },
  };
}
