/** TensorFlow.js behind a door: the hands that carry out the mind's trainer commands. Lives in a dedicated Worker. */
export { TrainerError } from './device.ts';
export { type Prediction } from './prediction.ts';
export { type Pacing } from './pacing.ts';
export { type DevicePatience } from './patience.ts';
export { PREDICTED_MAX } from './stage.ts';
export { createTrainer, type Trainer, type TrainerOptions } from './trainer.ts';
