/** The draft as others would launch it: with curl, with the `murmur` command. Pure. */
import { filesOf } from '@murmuration/client/run-data';
import { fileName, isModelFile, modelPaths } from '@murmuration/client/run-model';
import type { RunFile } from '@murmuration/protocol';

/** A word for a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

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
 * Uploads, dataset, model and run, a request each; ids are taken from the answers.
 * @param datasetName of the dataset that is made of files
 */
export function curlCommands(run: RunFile, origin: string, datasetName: string): string {
  const { data, model, ...request } = run;
  const post = (path: string, body: unknown) =>
    `api -H 'content-type: application/json' -d ${shellJson(body)} ${quoted(origin + path)}`;
  const lines = [
    '# MURMURATION_TOKEN: an API token',
    'api() { curl --fail-with-body -sS -H "authorization: Bearer $MURMURATION_TOKEN" "$@"; }',
    `id() { grep -oE '"id":"[^"]+"' | head -n 1 | cut -d '"' -f 4; }`,
  ];
  const sent = (variable: string, path: string): Variable => {
    const upload = `api -H 'content-type: application/octet-stream' --data-binary ${quoted(`@${path}`)}`;
    lines.push(`${variable}=$(${upload} ${quoted(`${origin}/api/uploads`)} | id)`);
    return new Variable(variable);
  };
  let asked: unknown = model;
  if (isModelFile(model)) {
    const files = modelPaths(model).map((path, index) => ({
      name: fileName(path),
      upload: sent(`model_file_${index}`, path),
    }));
    lines.push(`model=$(${post('/api/models', { files })} | id)`);
    asked = {
      imported: new Variable('model'),
      ...(model.weights === undefined ? {} : { weights: model.weights }),
    };
  }
  if (data.kind === 'stored') lines.push(post('/api/runs', { ...request, model: asked, datasetId: data.id }));
  else {
    const uploads = Object.fromEntries(filesOf(data).map(([field, path]) => [field, sent(field, path)]));
    const dataset = data.kind === 'digits' ? data : { ...data, name: datasetName, ...uploads };
    lines.push(`dataset=$(${post('/api/datasets', dataset)} | id)`);
    lines.push(post('/api/runs', { ...request, model: asked, datasetId: new Variable('dataset') }));
  }
  return `${lines.join('\n')}\n`;
}

/** A value of JSON that the shell knows. */
class Variable {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** JSON as a word for the shell, in which variables leave the single quotes and come back. */
function shellJson(value: unknown): string {
  const marked = (mark: string) =>
    JSON.stringify(value, (_, part: unknown) => (part instanceof Variable ? mark + part.name + mark : part));
  let mark = '@';
  // What is no variable must not look like one.
  while (marked('').includes(mark)) mark += '@';
  return quoted(marked(mark)).replaceAll(
    new RegExp(`"${mark}(\\w+)${mark}"`, 'g'),
    (_, name: string) => `"'"$${name}"'"`,
  );
}
