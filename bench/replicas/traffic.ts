/** Live calls at a steady rate, whatever goes wrong, and what their callers saw. */
import { Agent } from 'node:http';
import { type Answered, ask, makeAgent } from '../fleet/ask.ts';
import type { Balancer } from './balancer.ts';

export interface TrafficOptions {
  readonly model: string;
  readonly perSecond: number;
  /** Begins every note on the bill. */
  readonly token: string;
  /** A balancer that does not keep connections never sends on one that is just being closed. */
  readonly keepAlive?: boolean;
}

export interface Seen {
  readonly asked: number;
  readonly ok: number;
  /** By status, or how it broke. */
  readonly others: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A connection that nobody takes was never a request: a balancer gives it to another. */
const refused = /ECONNREFUSED/;
const tries = 5;

export class Traffic {
  readonly #balancer: Balancer;
  readonly #options: TrafficOptions;
  readonly #agent: Agent;
  readonly #running = new Set<Promise<void>>();
  readonly #others: Record<string, number> = {};
  readonly #times: number[] = [];
  #asked = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(balancer: Balancer, options: TrafficOptions) {
    this.#balancer = balancer;
    this.#options = options;
    this.#agent = options.keepAlive === false ? new Agent({ keepAlive: false }) : makeAgent();
  }

  start(): void {
    this.#timer = setInterval(() => {
      const call = this.#one(this.#asked++).finally(() => this.#running.delete(call));
      this.#running.add(call);
    }, 1000 / this.#options.perSecond);
  }

  async stop(): Promise<Seen> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    this.#agent.destroy();
    const times = this.#times.sort((a, b) => a - b);
    const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
    return { asked: this.#asked, ok: times.length, others: this.#others, p50Ms: at(0.5), p99Ms: at(0.99) };
  }

  async #one(index: number): Promise<void> {
    const { model, token } = this.#options;
    const prompt = `[[echo]] [[note:${token}-${index}]] live`;
    let answered: Answered | undefined;
    for (let attempt = 0; attempt < tries; attempt++) {
      const url = this.#balancer.next();
      answered = await ask(this.#agent, {
        url,
        dialect: 'openai',
        model,
        prompt,
        maxTokens: 50,
        stream: false,
        tag: token,
      });
      if (!(answered.end === 'gone' && refused.test(answered.text))) break;
    }
    if (answered?.status === 200 && answered.end === 'clean') {
      this.#times.push(answered.ms);
      return;
    }
    const what = answered === undefined || answered.status === 0 ? 'broken off' : String(answered.status);
    this.#others[what] = (this.#others[what] ?? 0) + 1;
  }
}
