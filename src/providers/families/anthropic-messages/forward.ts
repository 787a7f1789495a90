/**
 * What must change in a body of this protocol that is otherwise passed on untouched, and when it cannot be: a body that this model is known
 * to refuse (a temperature on a model that takes none, thoughts of another family) is translated, which adapts it and reports how.
 */
import type { ScannedBody } from '../../../core/body.ts';
import { asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { readField } from '../../../wire/json-scan.ts';
import type { ForwardEdits, ForwardedCall } from '../../contract.ts';
import type { AnthropicVariant } from './variant.ts';

/** Marks signatures that the gateway made, in histories of callers who speak this protocol. Claude refuses them. */
const foreignSignature = '"im1.';

export function createForward(
  model: ModelInfo,
  variant: AnthropicVariant,
): (call: ForwardedCall) => ForwardEdits | undefined {
  const edits = fixedEdits(model, variant);
  return ({ headers, body }) => {
    if (body === undefined) return withHeaders(edits, headers, variant);
    if (mustTranslate(body, model)) return undefined;
    return withHeaders(withLimit(edits, body, model), headers, variant);
  };
}

function fixedEdits(model: ModelInfo, variant: AnthropicVariant): ForwardEdits {
  const remove = [...(variant.modelInBody ? [] : ['model']), ...(variant.streamInBody ? [] : ['stream'])];
  return {
    set: {
      ...(variant.modelInBody ? { model: JSON.stringify(model.id) } : {}),
      ...(variant.bodyVersion === undefined
        ? {}
        : { anthropic_version: JSON.stringify(variant.bodyVersion) }),
    },
    ...(remove.length === 0 ? {} : { remove }),
  };
}

/** Over a model's limit is a 400; a chain may hold models of several limits, so the larger wish is cut. */
function withLimit(edits: ForwardEdits, body: ScannedBody, model: ModelInfo): ForwardEdits {
  if (model.maxOutputTokens === undefined || !body.fields.has('max_tokens')) return edits;
  const wanted = asNumber(readField(body, 'max_tokens'));
  if (wanted === undefined || wanted <= model.maxOutputTokens) return edits;
  return { ...edits, set: { ...edits.set, max_tokens: String(model.maxOutputTokens) } };
}

function mustTranslate(body: ScannedBody, model: ModelInfo): boolean {
  if (body.latin1.includes(foreignSignature)) return true;
  if (!model.known) return false;
  return (
    refusesSampling(body, model) ||
    refusesThinking(body, model) ||
    (!model.nativeSchema && asksSchema(body)) ||
    (!model.midSystem && /"role"\s*:\s*"system"/.test(textOf(body, 'messages')))
  );
}

function refusesSampling(body: ScannedBody, model: ModelInfo): boolean {
  const asked = (name: string): boolean => !['', 'null'].includes(textOf(body, name));
  if (model.sampling === 'fixed') return asked('temperature') || asked('top_p') || asked('top_k');
  return model.sampling === 'one-of' && asked('temperature') && asked('top_p');
}

/** `enabled` with a budget is refused by the models that also fix their sampling (4.7 and later); `adaptive` by all before 4.6. */
function refusesThinking(body: ScannedBody, model: ModelInfo): boolean {
  if (!body.fields.has('thinking')) return false;
  const type = asString(asObject(readField(body, 'thinking'))['type']);
  switch (type) {
    case 'enabled':
      return model.thinking === 'none' || (model.thinking === 'adaptive' && model.sampling === 'fixed');
    case 'adaptive':
      return model.thinking !== 'adaptive';
    default:
      return false;
  }
}

function asksSchema(body: ScannedBody): boolean {
  if (textOf(body, 'output_format').startsWith('{')) return true;
  return body.fields.has('output_config') && isObject(asObject(readField(body, 'output_config'))['format']);
}

function textOf(body: ScannedBody, name: string): string {
  const span = body.fields.get(name);
  return span === undefined ? '' : body.latin1.slice(span.start, span.end);
}

/** The caller's version and beta flags, where and as far as the transport takes them. */
function withHeaders(
  edits: ForwardEdits,
  callerHeaders: Readonly<Record<string, string>>,
  variant: AnthropicVariant,
): ForwardEdits {
  const version = callerHeaders['anthropic-version'];
  const versioned =
    version === undefined || variant.bodyVersion !== undefined ? {} : { 'anthropic-version': version };
  const flags = (callerHeaders['anthropic-beta'] ?? '')
    .split(',')
    .map((flag) => flag.trim())
    .filter((flag) => flag !== '' && (variant.allowedBetas?.includes(flag) ?? true));
  const betas = [...new Set(flags)];
  if (betas.length === 0) return { ...edits, headers: versioned };
  if (variant.betas === 'header')
    return { ...edits, headers: { ...versioned, 'anthropic-beta': betas.join(',') } };
  return { ...edits, set: { ...edits.set, anthropic_beta: JSON.stringify(betas) }, headers: versioned };
}
