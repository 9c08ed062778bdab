/** The dedicated worker: a finder that answers calls from the page. */
import { serve } from "../rpc.js";
import { LocalFinder, type OpenRequest, type Value } from "./finder.js";

const finder = new LocalFinder();

serve(self, {
  calls: {
    open: ([request]: [OpenRequest], { signal, emit }) => finder.open(request, signal, emit),
    find: ([config, values]: [string, Value[]], { signal, emit }) =>
      finder.find(config, values, signal, emit),
  },
  streams: {},
});
