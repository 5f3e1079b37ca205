/** TensorFlow.js behind a door: the hands that carry out the mind's trainer commands. Lives in a dedicated Worker. */
export { TrainerError } from './device.ts';
export { createTrainer, type Trainer, type TrainerOptions } from './trainer.ts';
