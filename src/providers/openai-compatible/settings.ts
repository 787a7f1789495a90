import { z } from 'zod';
import { orFile } from '../../core/or-file.ts';
import { baseUrlSchema } from '../families/base-url.ts';
import type { ChatTraits } from '../families/openai-chat/traits.ts';
import { flavorNames, flavors } from './flavors.ts';

/** What a server does differently, where its flavor is wrong about it. Names are those of `ChatTraits`. */
const traits = z.strictObject({
  max_tokens_field: z
    .enum(['max_completion_tokens', 'max_tokens'])
    .optional()
    .describe('Under which name the server takes the limit of an answer.'),
  stream_usage: z.boolean().optional().describe('Whether it knows stream_options.include_usage.'),
  developer_role: z.boolean().optional().describe('Whether it takes the role `developer`.'),
  mid_system: z.boolean().optional().describe('Whether it takes system messages between turns.'),
  schema: z
    .enum(['native', 'tool', 'json'])
    .optional()
    .describe('A JSON Schema for the answer: natively, as a forced tool, or in words beside JSON mode.'),
  tool_ids: z
    .enum(['any', 'short'])
    .optional()
    .describe('`short`: ids of tool calls must be nine letters or digits.'),
  text_parts: z.boolean().optional().describe('Whether content may be a list of texts.'),
  names: z.boolean().optional().describe('Whether it takes `name` on messages.'),
  files: z.boolean().optional().describe('Whether it takes documents as `file` parts.'),
  top_k: z.boolean().optional().describe('Whether it takes top_k.'),
  reasoning: z
    .enum(['effort', 'object', 'switch', 'none'])
    .optional()
    .describe(
      'How it is told to think: reasoning_effort, a `reasoning` object, a `thinking` switch, or not.',
    ),
  reasoning_field: z
    .enum(['reasoning_content', 'reasoning'])
    .optional()
    .describe('Under which name earlier reasoning goes back to it.'),
  cache_marks: z.boolean().optional().describe('Whether it takes cache_control on text parts.'),
  refuses: z
    .array(z.string().regex(/^[a-z_]+$/))
    .max(40)
    .optional()
    .describe('Fields of the request that it answers with an error; they are left out and reported.'),
});

export const settings = z.strictObject({
  base_url: baseUrlSchema.describe('Where the API is, `/v1` included, such as http://localhost:11434/v1.'),
  api_key: orFile(z.string().min(1)).optional().describe('Left out: no authorization header is sent.'),
  flavor: z
    .enum(flavorNames)
    .default('generic')
    .describe('Which server this is, for what it does differently.'),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string())
    .optional()
    .describe('Further headers for every call.'),
  flex: z
    .boolean()
    .optional()
    .describe(
      'Whether it has a flex tier, asked for by `service_tier: flex`, for targets with @flex. Left out: Groq alone.',
    ),
  traits: traits.optional().describe('What the server does differently from its flavor.'),
});

export type Settings = z.infer<typeof settings>;

/** Those whose tier is documented: console.groq.com/docs/flex-processing, November 2026. */
const flexFlavors: ReadonlySet<string> = new Set(['groq']);

export function hasFlex({ flex, flavor }: Settings): boolean {
  return flex ?? flexFlavors.has(flavor);
}

/** The flavor's row, with what the config says otherwise. */
export function traitsOf({ flavor, flex, traits: own = {} }: Settings): ChatTraits {
  const base: ChatTraits = flavors[flavor];
  const reasoningField = own.reasoning_field ?? base.reasoningField;
  return {
    ...base,
    maxTokensField: own.max_tokens_field ?? base.maxTokensField,
    streamUsage: own.stream_usage ?? base.streamUsage,
    developerRole: own.developer_role ?? base.developerRole,
    midSystem: own.mid_system ?? base.midSystem,
    schema: own.schema ?? base.schema,
    toolIds: own.tool_ids ?? base.toolIds,
    textParts: own.text_parts ?? base.textParts,
    names: own.names ?? base.names,
    files: own.files ?? base.files,
    topK: own.top_k ?? base.topK,
    reasoning: own.reasoning ?? base.reasoning,
    ...(reasoningField === undefined ? {} : { reasoningField }),
    cacheMarks: own.cache_marks ?? base.cacheMarks,
    refuses: (own.refuses ?? base.refuses).filter((field) => field !== 'service_tier' || flex !== true),
  };
}
