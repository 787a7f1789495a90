/**
 * What a message is made of, in neutral form.
 *
 * Blocks keep their order inside a turn: thinking, text, call, text, call. Tool arguments stay **text** until a
 * target needs an object. A block may own a `carry`: bytes that one family alone understands (a thinking
 * signature, Gemini's thoughtSignature, encrypted reasoning), sent back byte-identical to that family and to no other.
 */

/** Families whose carries exist. A carry goes back only to the family that made it. */
export type CarryFamily = 'anthropic' | 'gemini' | 'openai' | 'converse';

export interface Carry {
  readonly family: CarryFamily;
  /** Opaque; never parsed, never shortened. */
  readonly payload: string;
}

/** A prompt-cache marker: everything up to and including this block may be cached. */
export interface CacheMark {
  readonly ttl?: '5m' | '1h';
}

export type Source =
  | { readonly kind: 'base64'; readonly mimeType: string; readonly data: string }
  | { readonly kind: 'url'; readonly url: string; readonly mimeType?: string }
  /** An id in one protocol's own file store; no other target can read it. */
  | { readonly kind: 'file-id'; readonly protocol: string; readonly id: string; readonly mimeType?: string };

export interface TextBlock {
  readonly type: 'text';
  readonly text: string;
  readonly citations?: readonly unknown[];
  readonly cache?: CacheMark;
  readonly carry?: Carry;
}

export interface ImageBlock {
  readonly type: 'image';
  readonly source: Source;
  readonly detail?: 'auto' | 'low' | 'high' | 'original';
  readonly cache?: CacheMark;
}

/** PDF, plain text and other documents. `source` with mime `text/plain` and kind `base64` is a text document. */
export interface DocumentBlock {
  readonly type: 'document';
  readonly source: Source;
  readonly name?: string;
  /** Background on the document that the model may read but not cite (Anthropic `context`). */
  readonly context?: string;
  readonly citations?: boolean;
  readonly cache?: CacheMark;
}

export interface AudioBlock {
  readonly type: 'audio';
  readonly source: Source;
}

export interface VideoBlock {
  readonly type: 'video';
  readonly source: Source;
}

export interface ReasoningBlock {
  readonly type: 'reasoning';
  /** Empty when the vendor shows no text (display omitted, redacted, encrypted). */
  readonly text: string;
  /** True for a block that the vendor encrypted whole; its `carry` is all there is. */
  readonly redacted?: boolean;
  readonly carry?: Carry;
}

export interface ToolCallBlock {
  readonly type: 'tool-call';
  readonly id: string;
  readonly name: string;
  /** JSON text for `function` tools, free text for `custom` ones. `''` means `{}`. */
  readonly arguments: string;
  readonly kind: 'function' | 'custom';
  readonly carry?: Carry;
  readonly cache?: CacheMark;
}

export interface ToolResultBlock {
  readonly type: 'tool-result';
  /** The id of the call that this answers. */
  readonly id: string;
  readonly name?: string;
  readonly blocks: readonly Block[];
  readonly isError?: boolean;
  readonly cache?: CacheMark;
}

export interface RefusalBlock {
  readonly type: 'refusal';
  readonly text: string;
}

/** Something only one protocol has (server tools, their results). Survives same-protocol traffic alone. */
export interface OpaqueBlock {
  readonly type: 'opaque';
  readonly protocol: string;
  readonly raw: unknown;
}

export type Block =
  | TextBlock
  | ImageBlock
  | DocumentBlock
  | AudioBlock
  | VideoBlock
  | ReasoningBlock
  | ToolCallBlock
  | ToolResultBlock
  | RefusalBlock
  | OpaqueBlock;

export interface Message {
  /** `system` in a conversation's middle stays in place; leading system text is `ChatRequest.system`. */
  readonly role: 'system' | 'user' | 'assistant';
  readonly blocks: readonly Block[];
  readonly name?: string;
}
