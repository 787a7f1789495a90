/**
 * Converse's bodies as they are on the wire, built from AWS's own types: those have bytes where REST JSON has base64 text, and an
 * `$unknown` arm in each union, which nobody sends.
 */
import type {
  ContentBlock,
  ConverseCommandInput,
  ToolConfiguration,
  ToolResultContentBlock,
} from '@aws-sdk/client-bedrock-runtime';

type Rest<T> = T extends Uint8Array
  ? string
  : T extends { $unknown: [string, unknown] }
    ? never
    : T extends readonly (infer Item)[]
      ? Rest<Item>[]
      : T extends object
        ? { [Key in keyof T]: Rest<T[Key]> }
        : T;

/** Free-form JSON: schemas, arguments, what goes to the model unread. Open, because AWS's own type for it has no end. */
export type FreeForm = Readonly<Record<string, unknown>>;

type FreeTool = {
  toolSpec: { name: string; description?: string; inputSchema: { json: FreeForm }; strict?: boolean };
};

export type RestBlock =
  | Exclude<Rest<ContentBlock>, { toolUse: object } | { toolResult: object }>
  | { toolUse: { toolUseId: string; name: string; input: FreeForm } }
  | { toolResult: { toolUseId: string; content: RestResultBlock[]; status?: 'success' | 'error' } };

export type RestResultBlock = Exclude<Rest<ToolResultContentBlock>, { json: unknown }>;

export interface RestMessage {
  role: 'user' | 'assistant' | 'system';
  content: RestBlock[];
}

export type RestTool = FreeTool | { cachePoint: RestCachePoint };

export interface RestCachePoint {
  type: 'default';
  ttl?: '5m' | '1h';
}

export interface RestToolConfig {
  tools: RestTool[];
  toolChoice?: Rest<NonNullable<ToolConfiguration['toolChoice']>>;
}

/** The path holds the model. */
export interface RestBody
  extends Rest<
    Omit<
      ConverseCommandInput,
      'modelId' | 'messages' | 'toolConfig' | 'additionalModelRequestFields' | 'promptVariables'
    >
  > {
  messages: RestMessage[];
  toolConfig?: RestToolConfig;
  additionalModelRequestFields?: FreeForm;
}
