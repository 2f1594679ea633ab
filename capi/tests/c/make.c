/* Types of objects, objects and exceptions that the host makes, and memories whose storage it makes. */
#include "check.h"

static threadle_field_type_t field(bool mutable_, uint8_t kind, wasm_valtype_t* type) {
  threadle_field_type_t field;
  field.mutable_ = mutable_;
  field.storage.kind = kind;
  field.storage.valtype = type;
  return field;
}

static void field_types(wasm_engine_t* engine) {
  threadle_field_type_t fields[3], clone;
  threadle_storage_type_t storage;
  threadle_struct_type_t *type, *copy;
  threadle_array_type_t *array, *array_copy;
  fields[0] = field(true, THREADLE_STORAGE_TYPE_KIND_I8, NULL);
  fields[1] = field(false, THREADLE_STORAGE_TYPE_KIND_I16, NULL);
  fields[2] = field(true, THREADLE_STORAGE_TYPE_KIND_VALTYPE, wasm_valtype_new_i64());
  type = threadle_struct_type_new(engine, fields, 3);
  CHECK(threadle_struct_type_num_fields(type) == 3);
  threadle_field_type_clone(&fields[2], &clone);
  threadle_field_type_delete(&fields[2]);
  threadle_storage_type_clone(&clone.storage, &storage);
  threadle_field_type_delete(&clone);
  CHECK(storage.kind == THREADLE_STORAGE_TYPE_KIND_VALTYPE);
  CHECK(wasm_valtype_kind(storage.valtype) == WASM_I64);
  threadle_storage_type_delete(&storage);
  CHECK(storage.valtype == NULL);
  copy = threadle_struct_type_copy(type);
  threadle_struct_type_delete(type);
  CHECK(threadle_struct_type_field(copy, 1, &clone) && !clone.mutable_);
  CHECK(clone.storage.kind == THREADLE_STORAGE_TYPE_KIND_I16 && clone.storage.valtype == NULL);
  CHECK(threadle_struct_type_field(copy, 2, &clone) && clone.mutable_);
  CHECK(wasm_valtype_kind(clone.storage.valtype) == WASM_I64);
  array = threadle_array_type_new(engine, &clone);
  threadle_field_type_delete(&clone);
  array_copy = threadle_array_type_copy(array);
  threadle_array_type_delete(array);
  threadle_array_type_element(array_copy, &clone);
  CHECK(clone.mutable_ && wasm_valtype_kind(clone.storage.valtype) == WASM_I64);
  threadle_field_type_delete(&clone);
  threadle_array_type_delete(array_copy);
  CHECK(!threadle_struct_type_field(copy, 3, &clone));
  threadle_struct_type_delete(copy);
  fields[0] = field(true, 7, NULL);
  CHECK(threadle_struct_type_new(engine, fields, 1) == NULL);
  fields[0] = field(true, THREADLE_STORAGE_TYPE_KIND_VALTYPE, NULL);
  CHECK(threadle_struct_type_new(engine, fields, 1) == NULL);
  CHECK(threadle_array_type_new(engine, &fields[0]) == NULL);
  CHECK(threadle_struct_type_new(engine, NULL, 1) == NULL);
  CHECK(threadle_struct_type_new(NULL, NULL, 0) == NULL);
  CHECK(threadle_array_type_new(engine, NULL) == NULL);
  CHECK(threadle_struct_type_num_fields(NULL) == 0);
  CHECK(threadle_struct_type_copy(NULL) == NULL);
}

/* A value type there and back. */
static wasm_valtype_t* there_and_back(wasm_engine_t* engine, wasm_valtype_t* type, uint8_t kind) {
  threadle_valtype_t full, clone;
  wasm_valtype_t* again;
  threadle_valtype_new(type, &full);
  CHECK(full.kind == kind);
  threadle_valtype_clone(&full, &clone);
  threadle_valtype_delete(&full);
  again = threadle_valtype_to_wasm(engine, &clone);
  CHECK(threadle_valtype_equal(type, again));
  threadle_valtype_delete(&clone);
  wasm_valtype_delete(again);
  return type;
}

static void value_types(wasm_engine_t* engine) {
  threadle_valtype_t full;
  threadle_heaptype_t heap, heap_clone;
  threadle_reftype_t reference, reference_clone;
  wasm_valtype_t* type;
  wasm_valtype_vec_t params;
  wasm_tagtype_t* tag;
  threadle_exn_type_t *exn = NULL, *exn_copy;
  int kind;
  wasm_valtype_delete(there_and_back(engine, wasm_valtype_new_i32(), THREADLE_VALTYPE_KIND_I32));
  wasm_valtype_delete(there_and_back(engine, wasm_valtype_new_i64(), THREADLE_VALTYPE_KIND_I64));
  wasm_valtype_delete(there_and_back(engine, wasm_valtype_new_f32(), THREADLE_VALTYPE_KIND_F32));
  wasm_valtype_delete(there_and_back(engine, wasm_valtype_new_f64(), THREADLE_VALTYPE_KIND_F64));
  wasm_valtype_delete(there_and_back(engine, threadle_valtype_v128(), THREADLE_VALTYPE_KIND_V128));
  wasm_valtype_delete(there_and_back(engine, wasm_valtype_new(WASM_EXTERNREF), THREADLE_VALTYPE_KIND_REF));
  full.kind = THREADLE_VALTYPE_KIND_REF;
  full.reftype.nullable = false;
  for (kind = 0; kind <= THREADLE_HEAPTYPE_KIND_NOEXN; kind++) {
    full.reftype.heaptype.kind = (threadle_heaptype_kind_t)kind;
    full.reftype.heaptype.of.concrete_func = NULL;
    if (kind == THREADLE_HEAPTYPE_KIND_CONCRETE_FUNC) {
      full.reftype.heaptype.of.concrete_func = wasm_functype_new_1_0(wasm_valtype_new_i32());
      CHECK(threadle_valtype_to_wasm(NULL, &full) == NULL);
    } else if (kind == THREADLE_HEAPTYPE_KIND_CONCRETE_ARRAY) {
      threadle_field_type_t element = field(true, THREADLE_STORAGE_TYPE_KIND_I8, NULL);
      full.reftype.heaptype.of.concrete_array = threadle_array_type_new(engine, &element);
    } else if (kind == THREADLE_HEAPTYPE_KIND_CONCRETE_STRUCT) {
      full.reftype.heaptype.of.concrete_struct = threadle_struct_type_new(engine, NULL, 0);
    } else if (kind == THREADLE_HEAPTYPE_KIND_CONCRETE_EXN) {
      wasm_valtype_vec_new_empty(&params);
      OK(threadle_exn_type_new(engine, &params, &full.reftype.heaptype.of.concrete_exn));
    }
    type = threadle_valtype_to_wasm(engine, &full);
    CHECK(type != NULL);
    threadle_valtype_delete(&full);
    CHECK(full.reftype.heaptype.of.concrete_func == NULL);
    threadle_valtype_new(there_and_back(engine, type, THREADLE_VALTYPE_KIND_REF), &full);
    CHECK(full.reftype.heaptype.kind == kind && !full.reftype.nullable);
    threadle_heaptype_clone(&full.reftype.heaptype, &heap);
    threadle_heaptype_clone(&heap, &heap_clone);
    CHECK(heap_clone.kind == kind);
    threadle_heaptype_delete(&heap);
    threadle_heaptype_delete(&heap_clone);
    threadle_reftype_clone(&full.reftype, &reference);
    threadle_reftype_clone(&reference, &reference_clone);
    threadle_reftype_delete(&reference);
    threadle_reftype_delete(&reference_clone);
    threadle_valtype_delete(&full);
    wasm_valtype_delete(type);
  }
  full.reftype.heaptype.kind = 16;
  CHECK(threadle_valtype_to_wasm(engine, &full) == NULL);
  full.kind = 6;
  CHECK(threadle_valtype_to_wasm(engine, &full) == NULL);
  full.kind = THREADLE_VALTYPE_KIND_REF;
  full.reftype.heaptype.kind = THREADLE_HEAPTYPE_KIND_CONCRETE_STRUCT;
  full.reftype.heaptype.of.concrete_struct = NULL;
  CHECK(threadle_valtype_to_wasm(engine, &full) == NULL);
  CHECK(threadle_valtype_to_wasm(engine, NULL) == NULL);

  type = wasm_valtype_new_f64();
  wasm_valtype_vec_new(&params, 1, &type);
  OK(threadle_exn_type_new(engine, &params, &exn));
  exn_copy = threadle_exn_type_copy(exn);
  threadle_exn_type_delete(exn);
  tag = threadle_exn_type_tag_type(exn_copy);
  CHECK(wasm_functype_params(wasm_tagtype_functype(tag))->size == 1);
  wasm_tagtype_delete(tag);
  threadle_exn_type_delete(exn_copy);
  exn = NULL;
  CHECK(says(threadle_exn_type_new(NULL, &params, &exn), "`engine` is null") && exn == NULL);
  wasm_valtype_vec_delete(&params);
  CHECK(says(threadle_exn_type_new(engine, NULL, &exn), "`params` is null"));
}

static threadle_val_t val_i64(int64_t value) {
  threadle_val_t val;
  val.kind = THREADLE_I64;
  val.of.i64 = value;
  return val;
}

static void objects(wasm_engine_t* engine) {
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_store_t* other = threadle_store_new(engine, NULL, NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_field_type_t fields[2], element;
  threadle_struct_type_t *type, *found;
  threadle_array_type_t *array_type, *found_array;
  threadle_struct_ref_pre_t* pre;
  threadle_array_ref_pre_t* array_pre;
  threadle_structref_t object, none;
  threadle_arrayref_t array;
  threadle_anyref_t any;
  threadle_eqref_t eq;
  threadle_heaptype_t heap;
  threadle_val_t values[2], value;
  uint32_t length;
  fields[0] = field(true, THREADLE_STORAGE_TYPE_KIND_I8, NULL);
  fields[1] = field(false, THREADLE_STORAGE_TYPE_KIND_VALTYPE, wasm_valtype_new_i64());
  type = threadle_struct_type_new(engine, fields, 2);
  threadle_field_type_delete(&fields[1]);
  pre = threadle_struct_ref_pre_new(context, type);
  threadle_struct_type_delete(type);
  values[0] = val_i32(0x1ff);
  values[1] = val_i64(-5);
  OK(threadle_structref_new(context, pre, values, 2, &object));
  OK(threadle_structref_field(context, &object, 0, &value));
  CHECK(value.kind == THREADLE_I32 && value.of.i32 == 0xff);
  OK(threadle_structref_field(context, &object, 1, &value));
  CHECK(value.kind == THREADLE_I64 && value.of.i64 == -5);
  found = threadle_structref_type(context, &object);
  CHECK(threadle_struct_type_num_fields(found) == 2);
  threadle_structref_to_anyref(&object, &any);
  CHECK(threadle_anyref_type(context, &any, &heap));
  CHECK(heap.kind == THREADLE_HEAPTYPE_KIND_CONCRETE_STRUCT);
  CHECK(threadle_struct_type_num_fields(heap.of.concrete_struct) == 2);
  threadle_heaptype_delete(&heap);
  threadle_struct_type_delete(found);
  threadle_anyref_unroot(&any);
  CHECK(says(threadle_structref_new(context, pre, values, 1, &none), "field"));
  CHECK(says(threadle_structref_new(context, NULL, values, 2, &none), "`pre` is null"));
  CHECK(says(threadle_structref_new(context, pre, NULL, 2, &none), "`fields` is null"));
  CHECK(says(threadle_structref_new(threadle_store_context(other), pre, values, 2, &none),
    "another store"));
  CHECK(threadle_structref_is_null(&none));
  CHECK(threadle_structref_type(context, &none) == NULL);
  CHECK(threadle_struct_ref_pre_new(context, NULL) == NULL);
  threadle_struct_ref_pre_delete(pre);

  element = field(true, THREADLE_STORAGE_TYPE_KIND_I16, NULL);
  array_type = threadle_array_type_new(engine, &element);
  array_pre = threadle_array_ref_pre_new(context, array_type);
  threadle_array_type_delete(array_type);
  value = val_i32(7);
  OK(threadle_arrayref_new(context, array_pre, &value, 3, &array));
  OK(threadle_arrayref_len(context, &array, &length));
  OK(threadle_arrayref_get(context, &array, 2, &value));
  CHECK(length == 3 && value.of.i32 == 7);
  found_array = threadle_arrayref_type(context, &array);
  threadle_array_type_element(found_array, &element);
  CHECK(element.storage.kind == THREADLE_STORAGE_TYPE_KIND_I16);
  threadle_array_type_delete(found_array);
  threadle_arrayref_to_eqref(&array, &eq);
  CHECK(threadle_eqref_type(context, &eq, &heap));
  CHECK(heap.kind == THREADLE_HEAPTYPE_KIND_CONCRETE_ARRAY);
  threadle_heaptype_delete(&heap);
  threadle_eqref_unroot(&eq);
  threadle_arrayref_unroot(&array);
  threadle_arrayref_set_null(&array);
  CHECK(threadle_arrayref_type(context, &array) == NULL);
  CHECK(says(threadle_arrayref_new(context, array_pre, NULL, 3, &array), "`element` is null"));
  threadle_array_ref_pre_delete(array_pre);
  CHECK(threadle_array_ref_pre_new(NULL, NULL) == NULL);

  threadle_anyref_from_i31(context, 5, &any);
  CHECK(threadle_anyref_type(context, &any, &heap) && heap.kind == THREADLE_HEAPTYPE_KIND_I31);
  threadle_anyref_unroot(&any);
  threadle_anyref_set_null(&any);
  CHECK(!threadle_anyref_type(context, &any, &heap) && !threadle_eqref_type(NULL, NULL, &heap));
  threadle_structref_unroot(&object);
  threadle_store_delete(other);
  threadle_store_delete(store);
}

/* throw(tag's exception) by the host. */
static wasm_trap_t* throws(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults
) {
  threadle_context_t* context = threadle_caller_context(caller);
  threadle_exnref_t exception;
  threadle_val_t payload = val_i32(args[0].of.i32 + 1);
  wasm_trap_t* trap;
  (void)nargs; (void)results; (void)nresults;
  OK(threadle_exnref_new(context, (const threadle_tag_t*)env, &payload, 1, &exception));
  trap = threadle_context_set_exception(context, &exception);
  CHECK(trap != NULL && threadle_context_has_exception(context));
  threadle_exnref_unroot(&exception);
  return trap;
}

static void exceptions(wasm_engine_t* engine) {
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_module_t* module = compile(engine,
    "(module (import \"\" \"e\" (tag $e (param i32))) (import \"\" \"throw\" (func $throw (param i32)))"
    "  (func (export \"catch\") (param i32) (result i32)"
    "    (block $h (result i32) (try_table (catch $e $h) (call $throw (local.get 0))) (i32.const 0)))"
    "  (func (export \"pass\") (param i32) (call $throw (local.get 0))))");
  threadle_tag_t tag, found;
  threadle_extern_t imports[2], item;
  threadle_instance_t instance;
  threadle_exnref_t exception;
  threadle_exn_type_t* type;
  threadle_val_t arg = val_i32(41), value;
  wasm_functype_t* signature = wasm_functype_new_1_0(wasm_valtype_new_i32());
  wasm_tagtype_t* tag_type = wasm_tagtype_new(wasm_functype_copy(signature));
  wasm_trap_t* trap;
  OK(threadle_tag_new(context, tag_type, &tag));
  imports[0].kind = THREADLE_EXTERN_TAG;
  imports[0].of.tag = tag;
  imports[1].kind = THREADLE_EXTERN_FUNC;
  threadle_func_new(context, signature, throws, &tag, NULL, &imports[1].of.func);
  OK(threadle_instance_new(context, module, imports, 2, &instance, &trap));
  CHECK(trap == NULL);
  item = export_of(context, &instance, "catch");
  OK(threadle_func_call(context, &item.of.func, &arg, 1, &value, 1, &trap));
  CHECK(trap == NULL && value.of.i32 == 42);
  CHECK(!threadle_context_take_exception(context, &exception));
  CHECK(!threadle_context_has_exception(context) && threadle_exnref_is_null(&exception));
  item = export_of(context, &instance, "pass");
  OK(threadle_func_call(context, &item.of.func, &arg, 1, NULL, 0, &trap));
  CHECK(trap != NULL && threadle_context_has_exception(context));
  wasm_trap_delete(trap);
  CHECK(threadle_context_take_exception(context, &exception));
  CHECK(!threadle_context_has_exception(context));
  CHECK(threadle_exnref_field_count(context, &exception) == 1);
  OK(threadle_exnref_field(context, &exception, 0, &value));
  CHECK(value.kind == THREADLE_I32 && value.of.i32 == 42);
  CHECK(says(threadle_exnref_field(context, &exception, 1, &value), "no field 1"));
  OK(threadle_exnref_tag(context, &exception, &found));
  CHECK(threadle_tag_eq(context, &tag, &found));
  type = threadle_exnref_type(context, &exception);
  CHECK(type != NULL);
  threadle_exn_type_delete(type);
  threadle_exnref_unroot(&exception);
  arg = val_i64(1);
  CHECK(says(threadle_exnref_new(context, &tag, &arg, 1, &exception), "field 0"));
  CHECK(says(threadle_exnref_new(context, &tag, NULL, 0, &exception), "expected 1 fields"));
  CHECK(says(threadle_exnref_new(context, NULL, NULL, 0, &exception), "`tag` is null"));
  CHECK(threadle_exnref_field_count(context, &exception) == 0);
  CHECK(threadle_exnref_type(context, &exception) == NULL);
  CHECK(threadle_context_set_exception(context, &exception) == NULL);
  CHECK(!threadle_context_has_exception(NULL));
  CHECK(!threadle_context_take_exception(NULL, &exception));
  wasm_functype_delete(signature);
  wasm_tagtype_delete(tag_type);
  threadle_module_delete(module);
  threadle_store_delete(store);
}

/* A memory in the heap of C's, which can be told to refuse. */
typedef struct {
  uint8_t* bytes;
  size_t size;
  bool refuses;
} storage;

static int made, freed, creators;

static uint8_t* get_memory(void* env, size_t* size, size_t* capacity) {
  storage* s = (storage*)env;
  *size = *capacity = s->size;
  return s->bytes;
}

static threadle_error_t* grow_memory(void* env, size_t size) {
  storage* s = (storage*)env;
  if (s->refuses) return threadle_error_new("no more");
  s->bytes = (uint8_t*)realloc(s->bytes, size);
  CHECK(s->bytes != NULL);
  memset(s->bytes + s->size, 0, size - s->size);
  s->size = size;
  return NULL;
}

static void free_memory(void* env) {
  storage* s = (storage*)env;
  free(s->bytes);
  free(s);
  freed++;
}

static threadle_error_t* new_memory(
  void* env, const wasm_memorytype_t* type, size_t minimum, size_t maximum, size_t reserved,
  size_t guard, threadle_linear_memory_t* out
) {
  storage* s;
  CHECK(env == &made && threadle_memorytype_minimum(type) * 65536 == minimum);
  CHECK(maximum >= minimum && reserved == 0 && guard == 0);
  if (minimum == 3 * 65536) return threadle_error_new("three pages are one too many");
  s = (storage*)malloc(sizeof(storage));
  CHECK(s != NULL);
  s->size = minimum;
  s->refuses = minimum == 2 * 65536;
  s->bytes = (uint8_t*)calloc(1, minimum + 1);
  out->env = s;
  out->get_memory = get_memory;
  out->grow_memory = minimum == 4 * 65536 ? NULL : grow_memory;
  out->finalizer = free_memory;
  made++;
  return NULL;
}

static void count_creator(void* env) {
  CHECK(env == &made);
  creators++;
}

static threadle_error_t* memory_of(threadle_context_t* context, uint32_t pages, threadle_memory_t* out) {
  wasm_limits_t limits;
  wasm_memorytype_t* type;
  threadle_error_t* error;
  limits.min = pages;
  limits.max = 10;
  type = wasm_memorytype_new(&limits);
  error = threadle_memory_new(context, type, out);
  wasm_memorytype_delete(type);
  return error;
}

static void memories(void) {
  wasm_config_t* config = wasm_config_new();
  wasm_engine_t* engine;
  threadle_store_t* store;
  threadle_context_t* context;
  threadle_memory_t memory;
  threadle_memory_creator_t creator;
  uint64_t before;
  creator.env = &made;
  creator.new_memory = NULL;
  creator.finalizer = count_creator;
  threadle_config_host_memory_creator_set(config, &creator);
  CHECK(creators == 1);
  threadle_config_host_memory_creator_set(config, NULL);
  creator.new_memory = new_memory;
  threadle_config_host_memory_creator_set(config, &creator);
  engine = wasm_engine_new_with_config(config);
  store = threadle_store_new(engine, NULL, NULL);
  context = threadle_store_context(store);
  OK(memory_of(context, 1, &memory));
  CHECK(made == 1 && threadle_memory_data_size(context, &memory) == 65536);
  threadle_memory_data(context, &memory)[5] = 6;
  OK(threadle_memory_grow(context, &memory, 1, &before));
  CHECK(before == 1 && threadle_memory_data_size(context, &memory) == 2 * 65536);
  CHECK(threadle_memory_data(context, &memory)[5] == 6);
  OK(memory_of(context, 2, &memory));
  CHECK(says(threadle_memory_grow(context, &memory, 1, &before), "failed to grow"));
  CHECK(says(memory_of(context, 3, &memory), "one too many"));
  CHECK(says(memory_of(context, 4, &memory), "`grow_memory` is null"));
  threadle_store_delete(store);
  CHECK(freed == made);
  wasm_engine_delete(engine);
  CHECK(creators == 2);
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  field_types(engine);
  value_types(engine);
  objects(engine);
  exceptions(engine);
  wasm_engine_delete(engine);
  memories();
  puts("ok");
  return 0;
}
