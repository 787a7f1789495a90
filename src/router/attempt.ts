/** What every attempt is given, and what comes of it. */
import type { GatewayError } from '../core/errors.ts';
import type { Usage } from '../core/usage.ts';
import type { Target } from './chain/contract.ts';
import type { AttemptRecord, Call } from './contract.ts';
import type { ExchangeWorld } from './exchange.ts';

/** Hears what the provider sent, once it was served whole: for whoever gives it again. */
export interface Keep {
  /** A longer answer is not collected. */
  readonly mostBytes: number;
  answered(form: 'whole' | 'stream', bytes: Buffer): void;
}

export interface AttemptInput {
  readonly call: Call;
  readonly target: Target;
  /** Refuse what would be dropped. */
  readonly strict: boolean;
  /** Earlier attempts, for the caller's headers. */
  readonly tried: readonly AttemptRecord[];
  readonly remainingMs: number;
  readonly keep?: Keep | undefined;
}

/** `firstMs`: until the first content of a stream. `seenChars`: how much of a stream’s answer came, in characters; absent where the answer is not streamed. */
export type Outcome =
  | { readonly kind: 'served'; readonly usage: Usage | undefined; readonly firstMs?: number }
  /** Nothing has reached the caller; another target may be tried. */
  | {
      readonly kind: 'failed';
      readonly error: GatewayError;
      readonly usage?: Usage;
      readonly seenChars?: number;
    }
  /** The caller has part of the answer and was told that it broke. */
  | {
      readonly kind: 'cut';
      readonly error: GatewayError;
      readonly usage: Usage | undefined;
      readonly firstMs?: number;
      readonly seenChars?: number;
    }
  | { readonly kind: 'client-closed'; readonly usage?: Usage | undefined; readonly seenChars?: number };

export type Attempt = (world: ExchangeWorld, input: AttemptInput) => Promise<Outcome>;
