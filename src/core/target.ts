/** A target is provider + model + mode, written `anthropic/claude-haiku-4-5@batch`; `@sync` if left out. */
export type Mode = 'sync' | 'flex' | 'queue' | 'batch';

export const modes: readonly Mode[] = ['sync', 'flex', 'queue', 'batch'];

export interface TargetName {
  readonly provider: string;
  readonly model: string;
  readonly mode: Mode;
}

/**
 * Reads a target. The provider is all before the first `/`; the mode is what follows the last `@` if it is one of the
 * modes, since Vertex writes models such as `claude-haiku-4-5@20251001`. `undefined` if there is no provider or model.
 */
export function parseTarget(text: string): TargetName | undefined {
  const slash = text.indexOf('/');
  if (slash <= 0 || slash === text.length - 1) return undefined;
  const provider = text.slice(0, slash);
  const rest = text.slice(slash + 1);
  const at = rest.lastIndexOf('@');
  const mode = at < 0 ? undefined : modes.find((known) => known === rest.slice(at + 1));
  const model = mode === undefined ? rest : rest.slice(0, at);
  return model === '' ? undefined : { provider, model, mode: mode ?? 'sync' };
}

/** The inverse of `parseTarget`; `@sync` is left out. */
export function writeTarget(target: TargetName): string {
  const mode = target.mode === 'sync' ? '' : `@${target.mode}`;
  return `${target.provider}/${target.model}${mode}`;
}
