/** Two models at prices that no binary fraction holds, known alike to the stand-ins that bill and to the gateways that count. */

export const gatewayCount = 4;
export const capNanoUsd = 1_000_000_000;

/** Dollars for a million tokens. */
const prices = [
  { provider: 'plain', model: 'plain-model', input: 0.53, output: 2.47 },
  { provider: 'other', model: 'other-model', input: 0.37, output: 3.13 },
] as const;

export const models = prices.map(({ model }) => model);

/** A day that ends in the middle of the run would be two budgets. */
function farFromMidnight(): string {
  const hour = new Date().getUTCHours();
  return hour >= 6 && hour < 18 ? 'UTC' : 'Etc/GMT+12';
}

export const yaml = (): string => `
server: { log: warn }
providers:
  plain: { type: openai, api_key: x, base_url: "\${SIMULATOR_URL}/~plain/v1" }
  other: { type: anthropic, api_key: x, base_url: "\${SIMULATOR_URL}/~other" }
budgets:
  - { scope: all, daily: $1.00, hard: true, zone: ${farFromMidnight()} }
prices:
${prices.map(({ provider, model, input, output }) => `  ${provider}/${model}: { input: $${input}, output: $${output} }`).join('\n')}
routes:
${prices.map(({ provider, model }) => `  ${model}: { chain: [${provider}/${model}] }`).join('\n')}
`;

export const plan = {
  prices,
  think_ms: 60,
  // After the first content, so that the caller sees it and nobody can try again.
  faults: [{ kind: 'cut', stream: true, percent: 5, after: 12 }],
};
