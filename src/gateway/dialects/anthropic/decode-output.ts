/** How the answer is to be thought out and shaped: `thinking`, `output_config` and its older name. */
import { asNumber, isObject } from '../../../core/json.ts';
import { present } from '../../../core/present.ts';
import type { Effort, OutputFormat, Reasoning } from '../../../core/request.ts';
import { type Fields, invalid, requireObject } from './read.ts';

const efforts: readonly Effort[] = ['low', 'medium', 'high', 'xhigh', 'max'];

export function decodeThinking(fields: Fields): Reasoning | undefined {
  const { thinking } = fields;
  const effort = decodeEffort(asObjectField(fields, 'output_config', 'effort'));
  if (thinking === undefined || thinking === null)
    return effort === undefined ? undefined : { mode: 'on', effort };
  const config = requireObject(thinking, 'thinking');
  const show =
    config['display'] === 'omitted'
      ? ('none' as const)
      : config['display'] === 'summarized'
        ? ('summary' as const)
        : undefined;
  const rest = present({ effort, show });
  switch (config['type']) {
    case 'disabled':
      return { mode: 'off' };
    case 'adaptive':
      return { mode: 'auto', ...rest };
    case 'enabled': {
      const budgetTokens = asNumber(config['budget_tokens']);
      if (budgetTokens === undefined) throw invalid('thinking.budget_tokens', 'Field required');
      if (budgetTokens < 1024)
        throw invalid('thinking.budget_tokens', 'Input should be greater than or equal to 1024');
      return { mode: 'on', budgetTokens, ...rest };
    }
    default:
      throw invalid('thinking.type', "Input should be 'enabled', 'disabled' or 'adaptive'");
  }
}

function decodeEffort(value: unknown): Effort | undefined {
  if (value === undefined || value === null) return undefined;
  const effort = efforts.find((one) => one === value);
  if (effort === undefined)
    throw invalid('output_config.effort', `Input should be one of ${efforts.join(', ')}`);
  return effort;
}

function asObjectField(fields: Fields, outer: string, inner: string): unknown {
  const value = fields[outer];
  return isObject(value) ? value[inner] : undefined;
}

export function decodeFormat(fields: Fields): OutputFormat | undefined {
  const format = asObjectField(fields, 'output_config', 'format') ?? fields['output_format'];
  if (!isObject(format)) return undefined;
  return {
    kind: 'schema',
    schema: requireObject(format['schema'], 'output_config.format.schema'),
    strict: true,
  };
}
