/** The page of a run that anybody may read. */
export const publicPath = (runId: string): string => `/runs/${runId}`;

/** Where the best model of a run, its curve and its papers are downloaded. */
const NAMES = {
  tfjsModel: 'tfjs/model.json',
  tfjsWeights: 'tfjs/group1-shard1of1.bin',
  keras: 'model.keras',
  encoderKeras: 'encoder.keras',
  decoderKeras: 'decoder.keras',
  safetensors: 'model.safetensors',
  metricsCsv: 'metrics.csv',
  metricsJson: 'metrics.json',
  manifest: 'manifest.json',
  card: 'README.md',
} as const;
export type ExportName = keyof typeof NAMES;

export const exportPath = (runId: string, name: ExportName): string =>
  `/api/runs/${runId}/export/${NAMES[name]}`;
