/** One of the headers that wasmtime.h consists of elsewhere. */
#include <wasmtime.h>
