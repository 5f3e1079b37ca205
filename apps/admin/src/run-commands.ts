/** The draft as others would launch it: with curl, with the `murmur` command. Pure. */
import { filesOf } from '@murmuration/client/run-data';
import type { RunFile } from '@murmuration/protocol';

/** A word for a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const json = (value: unknown): string => quoted(JSON.stringify(value));

/** The file and the command that launches it. `origin`: the coordinator's address. */
export function commandLine(text: string, origin: string): string {
  let end = 'YAML';
  // A line of the text that says so would end it.
  while (text.split('\n').includes(end)) end += '_';
  return `export MURMURATION_URL=${quoted(origin)} # and MURMURATION_TOKEN, an API token
cat > run.yaml <<'${end}'
${text.trimEnd()}
${end}
npm run murmur -- runs create run.yaml
`;
}

/**
 * Uploads, dataset and run, a request each; ids are taken from the answers.
 * @param datasetName of the dataset that is made of files
 */
export function curlCommands({ data, ...request }: RunFile, origin: string, datasetName: string): string {
  const post = (path: string, body: string) =>
    `api -H 'content-type: application/json' -d ${body} ${quoted(origin + path)}`;
  const lines = [
    '# MURMURATION_TOKEN: an API token',
    'api() { curl --fail-with-body -sS -H "authorization: Bearer $MURMURATION_TOKEN" "$@"; }',
    `id() { grep -oE '"id":"[^"]+"' | head -n 1 | cut -d '"' -f 4; }`,
  ];
  if (data.kind === 'stored') {
    lines.push(post('/api/runs', json({ ...request, datasetId: data.id })));
    return `${lines.join('\n')}\n`;
  }
  let dataset = json(data.kind === 'digits' ? data : { ...data, name: datasetName });
  for (const [field, path] of filesOf(data)) {
    const sent = `api -H 'content-type: application/octet-stream' --data-binary ${quoted(`@${path}`)}`;
    lines.push(`${field}=$(${sent} ${quoted(`${origin}/api/uploads`)} | id)`);
    dataset = dataset.replace(
      json({ [field]: path }).slice(2, -2),
      () => `"${field}":"${fromVariable(field)}"`,
    );
  }
  lines.push(`dataset=$(${post('/api/datasets', dataset)} | id)`);
  const run = json({ ...request, datasetId: '' }).replace(
    /"datasetId":""\}'$/,
    () => `"datasetId":"${fromVariable('dataset')}"}'`,
  );
  lines.push(post('/api/runs', run));
  return `${lines.join('\n')}\n`;
}

/** Leaves the single quotes of a word for a variable, and comes back. */
const fromVariable = (name: string): string => `'"$${name}"'`;
