/** What routing must know of a request, read without building its whole tree. */
import type { Capability } from './capability.ts';

export type Operation = 'chat' | 'embedding' | 'count-tokens';
export const priorities = ['high', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

export interface Facts {
  readonly operation: Operation;
  /** As the caller named it. */
  readonly model: string;
  readonly stream: boolean;
  /** The caller wants usage in its stream; absent where the dialect always reports it. */
  readonly streamUsage?: boolean;
  /** Estimated; see the dialect for how. Rough by design: a target's own refusal is the last word. */
  readonly inputTokens: number;
  /** Of one answer. */
  readonly maxOutputTokens?: number;
  /** Answers asked for at once; absent: one. */
  readonly choices?: number;
  /** The tier that the caller asks its provider for, in the provider's word. */
  readonly serviceTier?: string;
  /** Whom the caller asks for, in its own name for that user. */
  readonly user?: string;
  /** Holds more than text: images, documents, audio; the size of the body then says nothing of its tokens. */
  readonly media?: boolean;
  readonly needs: readonly Capability[];
  /** True when only a target of the caller's own protocol can carry the request (server tools, stored file ids). */
  readonly nativeOnly: boolean;
}
