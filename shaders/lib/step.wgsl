// What the current step does. The CPU writes it before a prefill and before the first step of a reply;
// between decode steps the last kernel of the sampler advances it:
//   position += n_tokens; n_tokens = 1; n_outputs = 1; first_output = 0; sample_step += 1
// The tokens of a step with drafts are the last one of the reply and then the drafts, all with outputs, which are sampled one
// after the other as long as each is the draft that follows; the CPU writes the step after it.
// Forward kernels bind it as a uniform; the sampler binds it as storage.
struct Step {
    position: u32,      // position of the step's first token: KV length before the step
    n_tokens: u32,      // rows of this step
    n_outputs: u32,     // rows whose output is wanted
    first_output: u32,  // the first of them
    sample_step: u32,   // index of the token sampled at the end of the step
    n_drafts: u32,      // tokens of the step that are drafts
    row: u32,           // the output that is sampled next; beyond n_drafts when a draft was not what was sampled
    padding: u32,
}
