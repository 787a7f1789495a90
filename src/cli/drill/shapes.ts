/** Requests that a route is asked: an ordinary one, and one for each of its rules, shaped so that the rule holds. */
import { models as catalogModels } from '../../catalog/models.ts';
import { matchesPattern } from '../../core/pattern.ts';
import type { Step } from '../../router/chain/contract.ts';
import type { Condition, Route } from '../../router/contract.ts';

export interface Shape {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly stream: boolean;
}

export interface RouteShapes {
  readonly route: Route;
  readonly shapes: readonly Shape[];
  /** What of the route nobody asks for here, and why. */
  readonly left: readonly string[];
}

/** Larger requests would keep this process busy with nothing but their bytes. */
const mostInputTokens = 20_000;
const usualText = 'Summarise in two sentences what an orderly failover looks like to those who call.';
/** A picture of one white point. */
const picture =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==';

/** `undefined`: nothing of the route can be asked over a held line. */
export function shapesOf(route: Route): RouteShapes | undefined {
  const model = modelOf(route.name);
  const targets = [route.chain, ...route.rules.map((rule) => rule.chain)].flatMap(targetsOf);
  const held = targets.filter(({ mode }) => mode === 'sync' || mode === 'flex');
  if (model === undefined || held.length === 0) return undefined;
  const left: string[] = [];
  if (!held.some(({ chat }) => chat !== undefined)) {
    const body = JSON.stringify({ model, input: usualText });
    return { route, shapes: [{ path: '/v1/embeddings', headers: {}, body, stream: false }], left };
  }
  const shapes: Shape[] = [chatShape(model, {}, false), chatShape(model, {}, true)];
  for (const [index, { when, text }] of route.rules.entries()) {
    const why = cannot(when);
    if (why === undefined) shapes.push(chatShape(model, when, index % 2 === 1));
    else left.push(`rule ${index + 1} (${text}): ${why}`);
  }
  return { route, shapes, left };
}

const targetsOf = (chain: readonly Step[]) =>
  chain.flatMap(({ options }) => options.map(({ target }) => target));

/** A route whose name is a pattern is asked by the name of a model that it stands for. */
function modelOf(name: string): string | undefined {
  if (!name.includes('*')) return name;
  for (const model of catalogModels.keys()) if (matchesPattern(name, model)) return model;
  return undefined;
}

function cannot({ complexity, inputTokens, model }: Condition): string | undefined {
  if (complexity !== undefined) return 'how hard a request looks is not made up here';
  if (model !== undefined) return 'it is about names that callers choose';
  if ((inputTokens?.min ?? 0) > mostInputTokens) return `larger than ${mostInputTokens} tokens`;
  return undefined;
}

function chatShape(model: string, when: Condition, stream: boolean): Shape {
  const { needs = [], inputTokens, maxOutputTokens, tags, headers = {}, priority, deadline } = when;
  // Four characters are about a token.
  const filler = 'word '.repeat(Math.ceil(((inputTokens?.min ?? 0) * 4.6) / 5));
  const text = `${filler}${usualText}`;
  const pictured = needs.includes('vision') || needs.includes('image-url');
  const streams = when.stream ?? stream;
  const deadlineMs = deadline === undefined ? undefined : (deadline.max ?? deadline.min);
  return {
    path: '/v1/chat/completions',
    stream: streams,
    headers: {
      ...Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, value.replaceAll('*', 'x')]),
      ),
      ...(tags === undefined ? {} : { 'x-intermodal-tags': tags.join(',') }),
      ...(priority?.[0] === undefined ? {} : { 'x-intermodal-priority': priority[0] }),
      ...(deadlineMs === undefined
        ? {}
        : { 'x-intermodal-deadline': `${Math.max(1, Math.floor(deadlineMs / 1000))}s` }),
    },
    body: JSON.stringify({
      model,
      messages: [
        {
          role: 'user',
          content: pictured
            ? [
                { type: 'text', text },
                { type: 'image_url', image_url: { url: picture } },
              ]
            : text,
        },
      ],
      max_tokens: Math.max(200, maxOutputTokens?.min ?? 0),
      ...(streams ? { stream: true } : {}),
      ...(needs.includes('tools') ? { tools: [tool] } : {}),
      ...(needs.includes('structured-output') ? { response_format: form } : {}),
    }),
  };
}

const tool = {
  type: 'function',
  function: {
    name: 'look_up',
    description: 'Looks something up.',
    parameters: { type: 'object', properties: { what: { type: 'string' } }, required: ['what'] },
  },
};

const form = {
  type: 'json_schema',
  json_schema: {
    name: 'answer',
    strict: true,
    schema: {
      type: 'object',
      properties: { label: { type: 'string' } },
      required: ['label'],
      additionalProperties: false,
    },
  },
};
