/**
 * One canary, from its first phase to its end, through a real gateway and real sockets: hours of a rollout in seconds. The usual chain and
 * the canary are two instances of one provider, so that faults can be told to one of them.
 */
import { startTestGateway, type TestGateway } from '../../test/support/gateway.ts';

/** What is looked at, and so the most that a rollback may take. */
export const windowMs = 6_000;
/** Longer than the window, as phases should be: what goes wrong in one is found in it. */
const phaseMs = 8_000;
/** How long models think: much longer than the gateway takes, however busy the machine is. */
const thinkMs = 200;
const users = 200;

const yaml = `
providers:
  usual: { type: openai, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~usual/v1" }
  fresh: { type: openai, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~fresh/v1" }
routes:
  assistant:
    chain: [usual/gpt-4.1-mini]
    canary:
      chain: [fresh/gpt-4.1-mini]
      by: request
      phases: [{ share: 20%, for: ${phaseMs}ms }, { share: 50%, for: ${phaseMs}ms }, { share: 100%, for: ${phaseMs}ms }]
      gates: { error_rate: 2%, p95: 1.5, cost: 1.5, least: 30, window: ${windowMs}ms }
`;

export interface Scenario {
  readonly name: string;
  /** Of the canary alone, from a second after its first phase began. Absent: it stays well. */
  readonly fault?: object;
  /** Which gate is to find it. */
  readonly gate?: string;
  /** Phase that it begins in, from 0. */
  readonly phase: number;
}

export interface Told {
  readonly name: string;
  readonly ended: string;
  readonly why: string;
  /** From the first fault. */
  readonly rolledBackMs: number | undefined;
  /** Requests that reached the canary's provider, of all. */
  readonly canary: number;
  readonly requests: number;
  /** Of them, those that the faulty canary got before it was rolled back. */
  readonly exposed: number;
  /** Callers that did not get an answer. */
  readonly refused: number;
  /** Share of the canary in what was asked after the end. */
  readonly lastShare: number;
  readonly met: boolean;
}

export async function play({ name, fault, gate, phase }: Scenario, clients: number): Promise<Told> {
  const service = await startTestGateway({ yaml, faults: { think_ms: thinkMs } });
  const load = drive(service, clients);
  try {
    const asked = (): number => service.simulator.log.counts()['fresh']?.total ?? 0;
    const state = () => service.world.canaries.list()[0]?.state;
    await until(() => {
      const now = state();
      return now?.kind === 'running' && now.phase === phase;
    });
    await sleep(1_000);
    const before = asked();
    const faultMs = performance.now();
    if (fault !== undefined)
      service.simulator.setFaults({ think_ms: thinkMs, faults: [{ provider: 'fresh', ...fault }] });
    await until(() => state()?.kind !== 'running');
    const ended = state();
    const rolledBackMs = ended?.kind === 'rolled-back' ? performance.now() - faultMs : undefined;
    const exposed = asked() - before;
    load.mark();
    await sleep(1_500);
    const { statuses, last } = await load.stop();
    const refused = statuses.filter((status) => status !== 200).length;
    const lastShare = last.filter((target) => target.startsWith('fresh/')).length / Math.max(1, last.length);
    const why = ended?.kind === 'rolled-back' ? ended.why : '';
    const byGate = gate !== undefined && why.startsWith(gate);
    const met =
      refused === 0 &&
      (fault === undefined
        ? ended?.kind === 'done' && lastShare === 1
        : byGate && rolledBackMs !== undefined && rolledBackMs <= windowMs && lastShare === 0);
    return {
      name,
      ended: ended?.kind ?? 'nothing',
      why,
      rolledBackMs,
      canary: asked(),
      requests: statuses.length,
      exposed,
      refused,
      lastShare,
      met,
    };
  } finally {
    await load.stop();
    await service.close();
  }
}

/** Clients that ask one thing after another. */
function drive({ url }: TestGateway, clients: number) {
  const statuses: number[] = [];
  /** Targets of what was asked since the mark. */
  const last: string[] = [];
  let marked = false;
  let going = true;
  let asked = 0;
  const client = async (): Promise<void> => {
    while (going) {
      asked += 1;
      const late = marked;
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'assistant',
          user: `user-${asked % users}`,
          messages: [{ role: 'user', content: `Hello ${asked}` }],
        }),
      });
      await response.text();
      statuses.push(response.status);
      if (late) last.push(response.headers.get('x-intermodal-target') ?? '');
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    mark() {
      marked = true;
    },
    async stop() {
      going = false;
      await all;
      return { statuses, last };
    },
  };
}

const longestMs = 60_000;

async function until(done: () => boolean): Promise<void> {
  const latest = performance.now() + longestMs;
  while (!done()) {
    if (performance.now() > latest) throw new Error(`Nothing has come of the canary in ${longestMs} ms.`);
    await sleep(20);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
