# Runs wiregen over the pages: one header and one source per page, the lists over all pages, and protocol.md, all in
# ${CMAKE_BINARY_DIR}/generated. wiregen leaves a file alone when its text is the same, and the files are byproducts of the
# stamp, so that only what changed is compiled again.
set(dir ${CMAKE_CURRENT_SOURCE_DIR}/protocol)
set(WEIR_PROTOCOL_OUT ${CMAKE_BINARY_DIR}/generated)
file(GLOB pages CONFIGURE_DEPENDS ${dir}/schema/*.wire ${dir}/records/metadata/*.wire ${dir}/records/internal/*.wire)
set(headers)
set(sources ${WEIR_PROTOCOL_OUT}/weir/protocol/registry.cc)
foreach(page ${pages})
  get_filename_component(stem ${page} NAME_WE)
  string(REGEX REPLACE "^[0-9]+_" "" stem ${stem})
  if(page MATCHES "/records/([a-z]+)/")
    set(stem ${CMAKE_MATCH_1}/${stem})
  endif()
  list(APPEND headers ${WEIR_PROTOCOL_OUT}/weir/protocol/${stem}.h)
  list(APPEND sources ${WEIR_PROTOCOL_OUT}/weir/protocol/${stem}.cc)
endforeach()
foreach(list api_keys api_messages metadata_records)
  list(APPEND headers ${WEIR_PROTOCOL_OUT}/weir/protocol/${list}.h)
endforeach()
add_custom_command(
  OUTPUT ${WEIR_PROTOCOL_OUT}/wiregen.stamp
  BYPRODUCTS ${headers} ${sources} ${WEIR_PROTOCOL_OUT}/protocol.md
  COMMAND wiregen ${dir} ${WEIR_PROTOCOL_OUT}
  COMMAND ${CMAKE_COMMAND} -E touch ${WEIR_PROTOCOL_OUT}/wiregen.stamp
  DEPENDS wiregen ${pages} ${dir}/served.txt
  COMMENT "wiregen: pages to C++"
  VERBATIM)
set(WEIR_GENERATED_protocol ${sources} ${headers} ${WEIR_PROTOCOL_OUT}/wiregen.stamp)

# Call after weir_read_floors(). The generated sources are tables without helpers, so batches suit every preset.
macro(weir_finish_protocol)
  target_include_directories(weir_protocol PUBLIC ${WEIR_PROTOCOL_OUT})
  set_target_properties(weir_protocol PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 24)
  target_compile_definitions(weir_protocol_test PRIVATE WEIR_GENERATED_DIR="${WEIR_PROTOCOL_OUT}")
endmacro()
