/** Three models, each with another limit that binds, told alike to the stand-ins that enforce them and to the gateways that must keep them. */

export const gatewayCount = 4;
export const clients = 200;

export interface Scene {
  readonly model: string;
  readonly provider: 'swift' | 'wide' | 'wordy';
  readonly binds: 'requests' | 'input' | 'output';
  readonly limits: { readonly rpm?: number; readonly input_tpm?: number; readonly output_tpm?: number };
  /** Of a prompt, in characters. */
  readonly characters: readonly [least: number, most: number];
  /** Of an answer. */
  readonly words: readonly [least: number, most: number];
}

/** What binds is sized so that 200 clients would use it several times over; the rest is never near. */
const whole: readonly Scene[] = [
  {
    model: 'swift-model',
    provider: 'swift',
    binds: 'requests',
    limits: { rpm: 6_000, input_tpm: 3_000_000 },
    characters: [40, 400],
    words: [4, 40],
  },
  {
    model: 'wide-model',
    provider: 'wide',
    binds: 'input',
    limits: { rpm: 30_000, input_tpm: 600_000 },
    characters: [100, 2_000],
    words: [4, 20],
  },
  {
    model: 'wordy-model',
    provider: 'wordy',
    binds: 'output',
    limits: { rpm: 30_000, output_tpm: 150_000 },
    characters: [40, 200],
    words: [10, 100],
  },
];

export const maxTokens = 400;

export interface Setting {
  readonly scenes: readonly Scene[];
  /** Of the gateways. */
  readonly yaml: string;
  /** Of the stand-ins. */
  readonly plan: object;
}

/** `scale`: how large the limits are; a short run needs small ones, or it would end before they bind. */
export function setOf(scale: number): Setting {
  const scenes = whole.map((scene) => ({ ...scene, limits: scaled(scene.limits, scale) }));
  // One protocol is relayed, the others are translated; both must count alike.
  const yaml = `
server: { log: warn }
providers:
  swift: { type: openai, api_key: x, base_url: "\${SIMULATOR_URL}/~swift/v1" }
  wide: { type: anthropic, api_key: x, base_url: "\${SIMULATOR_URL}/~wide" }
  wordy: { type: openai, api_key: x, base_url: "\${SIMULATOR_URL}/~wordy/v1" }
limits:
${scenes.map(({ provider, model, limits }) => `  ${provider}/${model}: ${JSON.stringify(limits)}`).join('\n')}
routes:
${scenes.map(({ provider, model }) => `  ${model}: { chain: [${provider}/${model}] }`).join('\n')}
`;
  const limits = scenes.map(({ provider, model, limits }) => ({ provider, model, ...limits }));
  return { scenes, yaml, plan: { limits, think_ms: 40 } };
}

function scaled(limits: Scene['limits'], scale: number): Scene['limits'] {
  return Object.fromEntries(Object.entries(limits).map(([key, limit]) => [key, Math.round(limit * scale)]));
}
