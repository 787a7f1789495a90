/** Readers for the caller's JSON that say which field is wrong, in the words of Anthropic's own validation (`messages.0.content: …`). */
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', `${param}: ${message}`, { param });
}

export function requireObject(value: unknown, param: string): Fields {
  if (isObject(value)) return value;
  throw invalid(param, value === undefined ? 'Field required' : 'Input should be an object');
}

export function requireString(value: unknown, param: string): string {
  if (typeof value === 'string') return value;
  throw invalid(param, value === undefined ? 'Field required' : 'Input should be a valid string');
}

export function requireArray(value: unknown, param: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(param, value === undefined ? 'Field required' : 'Input should be a valid array');
}

export function optionalNumber(
  fields: Fields,
  name: string,
  least: number,
  most: number,
  whole = false,
): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw invalid(name, 'Input should be a valid number');
  if (whole && !Number.isInteger(value)) throw invalid(name, 'Input should be a valid integer');
  if (value < least) throw invalid(name, `Input should be greater than or equal to ${least}`);
  if (value > most) throw invalid(name, `Input should be less than or equal to ${most}`);
  return value;
}

export function optionalBoolean(fields: Fields, name: string): boolean | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  throw invalid(name, 'Input should be a valid boolean');
}
