/**
 * Structured output. Where server or model knows no schema, one forced tool stands in whose input is the answer; where the caller has
 * tools of its own, or the server cannot be forced, JSON mode and words have to do.
 */
import type {
  ChatCompletionCreateParams,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest, OutputFormat } from '../../../core/request.ts';
import { jsonToolDescription, jsonToolName } from '../forced-json.ts';
import type { EncodeState } from './encode-content.ts';
import type { ChatTraits } from './traits.ts';

type SchemaFormat = Extract<OutputFormat, { kind: 'schema' }>;

export interface FormatFields {
  readonly fields: Pick<ChatCompletionCreateParams, 'response_format' | 'tools' | 'tool_choice'>;
  /** What the model has to be told in words. */
  readonly message?: ChatCompletionMessageParam;
}

/** How a schema is told to this model at this server. */
export function schemaWay(model: ModelInfo, traits: ChatTraits): ChatTraits['schema'] {
  return traits.schema === 'native' && !model.nativeSchema ? 'tool' : traits.schema;
}

export function encodeFormat(request: ChatRequest, { model, traits, dropped }: EncodeState): FormatFields {
  const { format } = request;
  if (format === undefined || format.kind === 'text') return { fields: {} };
  if (format.kind === 'json') return { fields: { response_format: { type: 'json_object' } } };
  const way = schemaWay(model, traits);
  if (way === 'native') return { fields: { response_format: native(format) } };
  dropped.add('response_format.json_schema');
  if (way === 'tool' && request.tools.length === 0) return { fields: forcedTool(format) };
  // JSON mode is refused unless a message speaks of JSON.
  const words = 'Answer with one JSON object and nothing else. It must match this JSON Schema:';
  return {
    fields: { response_format: { type: 'json_object' } },
    message: { role: 'system', content: `${words}\n${JSON.stringify(format.schema)}` },
  };
}

function native(format: SchemaFormat): NonNullable<ChatCompletionCreateParams['response_format']> {
  const { schema, strict, description } = format;
  return {
    type: 'json_schema',
    json_schema: {
      name: format.name ?? 'answer',
      schema: { ...schema },
      ...(strict === undefined ? {} : { strict }),
      ...(description === undefined ? {} : { description }),
    },
  };
}

function forcedTool(format: SchemaFormat): FormatFields['fields'] {
  return {
    tools: [
      {
        type: 'function',
        function: {
          name: jsonToolName,
          description: format.description ?? jsonToolDescription,
          parameters: { ...format.schema },
        },
      },
    ],
    tool_choice: { type: 'function', function: { name: jsonToolName } },
  };
}
