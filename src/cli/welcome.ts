/** What `serve` prints: where it listens, what it serves, and three lines to try it. */
import { routesTable } from './routes-table.ts';
import type { Service } from './service.ts';

export function printWelcome(service: Service): string {
  const route = service.policy.names[0] ?? 'assistant';
  const { url } = service;
  const body = JSON.stringify({ model: route, messages: [{ role: 'user', content: 'Hello' }] });
  const lines = [
    `Intermodal listens on ${url}`,
    ...(service.simulatorUrl === undefined
      ? []
      : [`Providers are simulated on ${service.simulatorUrl}: no key needed, nothing is billed`]),
    '',
    routesTable(service.policy, service.routes),
    '',
    ...service.warnings.map((warning) => `! ${warning}`),
    ...(service.keyless
      ? [
          '! NO KEYS: only this machine is served, and whoever is on it spends on your accounts.',
          '! Make one: intermodal keys create --name my-app',
          '',
        ]
      : []),
    'Try it:',
    `  curl ${url}/v1/chat/completions -H 'content-type: application/json' -d '${body}'`,
    `  new OpenAI({ baseURL: '${url}/v1', apiKey: 'any' }).chat.completions.create({ model: '${route}', messages: [{ role: 'user', content: 'Hello' }] })`,
    `  new Anthropic({ baseURL: '${url}', apiKey: 'any' }).messages.create({ model: '${route}', max_tokens: 256, messages: [{ role: 'user', content: 'Hello' }] })`,
    '',
  ];
  return `${lines.join('\n')}\n`;
}
