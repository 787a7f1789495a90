/**
 * Finds a model's entry whatever a provider calls it: `us.anthropic.claude-haiku-4-5-20251001-v1:0`,
 * `claude-haiku-4-5@20251001` and `claude-haiku-4-5` are one model.
 */
import { capabilities } from '../core/capability.ts';
import type { ModelInfo } from '../core/model.ts';
import { aliases, models } from './models.ts';

/** Set in YAML under `models:`; wins over the catalog field by field. */
export type ModelOverride = Partial<Omit<ModelInfo, 'id' | 'known'>>;

/** A model that we do not know may do anything; its provider will say. */
const unknown: Omit<ModelInfo, 'id'> = {
  known: false,
  capabilities: new Set(capabilities),
  sampling: 'free',
  thinking: 'effort',
  midSystem: true,
  prefill: true,
  nativeSchema: true,
};

export function modelInfo(id: string, override: ModelOverride = {}): ModelInfo {
  const entry = models.get(canonicalModel(id));
  return { ...(entry ?? unknown), known: entry !== undefined, ...override, id };
}

/** Region and vendor in front, as Bedrock writes them. */
const bedrockPrefix =
  /^(?:(?:us|eu|apac|global|jp|au|ca|sa|us-gov)\.)?(?:ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|writer|zai)\./;

/** Taken off one after another until the name is known: dates, versions, channels. */
const endings: readonly RegExp[] = [
  /-v\d+$/,
  /-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$/,
  /-preview-\d{2}-\d{2,4}$/,
  /-preview-\d{4}-\d{2}-\d{2}$/,
  /-(?:preview|exp|experimental|customtools|fp8|turbo)$/,
  /-\d{3,4}(?:-preview)?$/,
];

/** The catalog's name for a model id of any provider: vendor and region prefixes, dates and versions taken off. */
export function canonicalModel(id: string): string {
  let name = vendorSpelling(
    id
      .slice(id.lastIndexOf('/') + 1)
      .toLowerCase()
      .replace(bedrockPrefix, '')
      .replace(/:(?:free|extended|thinking|nitro|beta|exacto|online|latest)$/, '')
      .replace(/:\d+(?::\d+k)?$/, '')
      .replace(/@[\w.]+$/, '')
      .replace(':', '-'),
  );
  // Each round takes one ending off, so a name has at most as many rounds as it has parts.
  for (let round = 0; round < 4; round++) {
    const known = models.has(name) ? name : aliases.get(name);
    if (known !== undefined) return known;
    const ending = endings.find((one) => one.test(name));
    if (ending === undefined) return name;
    name = name.replace(ending, '');
  }
  return models.has(name) ? name : (aliases.get(name) ?? name);
}

/** Hosts turn a family's name about: `claude-4.5-sonnet`, `claude-sonnet-4-0`, `llama3-3-70b-instruct`. */
function vendorSpelling(name: string): string {
  if (name.startsWith('claude-')) {
    return name
      .replaceAll('.', '-')
      .replace(/^claude-([4-9](?:-\d)?)-(opus|sonnet|haiku)\b/, 'claude-$2-$1')
      .replace(/^(claude-(?:opus|sonnet)-4)-0$/, '$1');
  }
  if (name.startsWith('llama')) {
    return name
      .replace(/^llama-?(\d)[-.](\d)-/, 'llama-$1.$2-')
      .replace(/^llama4-/, 'llama-4-')
      .replace(/-(\d+b)-(?:vision-)?instruct/, '-$1-instruct')
      .replace(/-(?:16e|128e)-/, '-');
  }
  return name;
}
